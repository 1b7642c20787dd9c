import type { LogitsComparison, StatisticsProblem } from "@repvgg/core";
import type { Proof } from "./compare-models.ts";
import { grouped } from "./numbers.ts";

const PROBLEMS_SHOWN = 5;
/** Below this, training mode gives nearly the same answers and nobody is misled. */
const NOTABLE = 0.01;

/** A proof's figures, for people. */
export function describeProof(proof: Proof): string[] {
  const { device, images, float64, paramsBefore, paramsAfter, tolerance, givenImages } = proof;
  const size = float64.imageSize.join("x");
  return [
    line("parameters", `${grouped(paramsBefore)} -> ${grouped(paramsAfter)}`),
    line(`float32, ${device}`, `${errors(proof)}, ${tolerance} accepted; ${classes(proof, images)}`),
    line("float64", `${errors(float64)}; ${classes(float64, float64.images)} of ${size}`),
    ...givenImages.map((each) =>
      line(each.image, `${errors(each)}; ${each.agreement === 1 ? "same" : "another"} class`),
    ),
    line("worst block", worstBlock(proof)),
    ...trainingMode(proof),
    ...problems(proof.problems),
  ];
}

/** Why two networks are not equal, in one sentence. */
export function describeFailure(proof: Proof): string {
  const { maxRelativeError, float64, tolerance, worstBlock: worst, weightTolerance } = proof;
  const logits = Math.max(maxRelativeError, float64.maxRelativeError);
  const parts = [];
  if (!(logits <= tolerance)) {
    parts.push(`the answers differ by ${exponential(logits)} of the largest logit, ${tolerance} is accepted`);
  }
  if (worst && weightTolerance < 1 && !(worst.maxRelativeError <= weightTolerance)) {
    const [a, b] = worst.values;
    parts.push(
      `the weights differ most in ${worst.name}: ${worst.weight} is ${value(a)} in one and ${value(b)} in the other, when fused`,
    );
  }
  return `${parts.join("; ")}.`;
}

const exponential = (error: number) => error.toExponential(2);
const value = (weight: number) => String(Number(weight.toPrecision(6)));
const line = (title: string, text: string) => `  ${title.padEnd(18)} ${text}`;

function errors({ maxAbsoluteError, maxRelativeError }: LogitsComparison): string {
  return `${exponential(maxAbsoluteError)} of a logit, ${exponential(maxRelativeError)} of the largest`;
}

function classes({ agreement }: LogitsComparison, images: number): string {
  return `same class for ${Math.round(agreement * images)} of ${images} images`;
}

function worstBlock({ worstBlock: worst, weightTolerance }: Proof): string {
  if (worst === null) return "none: the two are of different architectures, so only answers are compared";
  return `${worst.name}: weights ${exponential(worst.maxRelativeError)} apart, ${exponential(weightTolerance)} accepted`;
}

function trainingMode({ trainingModeError }: Proof): string[] {
  if (trainingModeError === null || trainingModeError < NOTABLE) return [];
  const error = trainingModeError.toPrecision(2);
  return [line("training mode", `without model.eval() the train form's logits would be ${error} of the largest off`)];
}

function problems(found: readonly StatisticsProblem[]): string[] {
  const initial = found.filter(({ kind }) => kind === "initial-statistics");
  const others = found.flatMap((problem) => (problem.kind === "small-variance" ? [smallVariance(problem)] : []));
  const more = others.length - PROBLEMS_SHOWN;
  return [
    ...others.slice(0, PROBLEMS_SHOWN).map((text) => line("warning", text)),
    ...(more > 0 ? [line("warning", `and ${more} more batch normalizations with variances near zero`)] : []),
    ...(initial.length > 0 ? [line("warning", initialStatistics(initial))] : []),
  ];
}

function smallVariance(problem: Extract<StatisticsProblem, { kind: "small-variance" }>): string {
  const { name, channels, ofChannels, smallest, largestScale } = problem;
  return (
    `${name}: the variance of ${channels} of ${ofChannels} channels is near zero (${exponential(smallest)}), ` +
    `which multiplies their weights by up to ${Number(largestScale.toPrecision(3))}`
  );
}

function initialStatistics(initial: readonly StatisticsProblem[]): string {
  const names = `${initial[0]!.name}${initial.length > 1 ? ` and ${initial.length - 1} more` : ""}`;
  return (
    `the running statistics of ${names} are the initial ones: training never updated them, ` +
    "and answers that were seen in training mode used the batch's"
  );
}
