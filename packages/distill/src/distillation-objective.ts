import { type Images, type Logits, RepvggError, sameShape } from "@repvgg/core";
import {
  add,
  keep,
  mul,
  type Scalar,
  square,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor2d,
  tensor4d,
} from "@tensorflow/tfjs-core";
import type { Batch } from "./batch-source.ts";
import { HintProjections } from "./hint-projections.ts";
import { checkTerms, type LossTerm, needsFeatures, type TermInputs, termLoss, termName } from "./loss-terms.ts";
import type { BatchLoss, Figures, Objective, ObjectiveBatch, TrainingPosition } from "./objective.ts";
import { valueAt } from "./scheduled.ts";
import { targetsOf } from "./targets.ts";
import type { Teacher } from "./teacher.ts";
import { watchGradient } from "./watch-gradient.ts";

export interface DistillationOptions {
  readonly teacher: Teacher;
  /** The parts of the loss; it is their weighted sum. */
  readonly terms: readonly LossTerm[];
  /** Of the projections that hints learn. @default 0 */
  readonly seed?: number;
}

/** What a term leaves for the figures: read after the batch. */
interface TermTrace {
  readonly name: string;
  readonly value: Scalar;
  /** Squared norms of the gradients of the weighted term at the outputs that it is a function of. */
  readonly squares: Scalar[];
  readonly ofFeatures: boolean;
}

/**
 * Training under a teacher, by a weighted sum of losses.
 *
 *     L = Σ_k w_k · L_k
 *
 *     distillationObjective({
 *       teacher: networkTeacher(teacher),
 *       terms: [
 *         { loss: "labels", weight: 0.1 },
 *         { loss: "kd", weight: 0.9, temperature: linearly(8, 2) },
 *         { loss: "features", weight: 50, stages: [2, 3] },
 *       ],
 *     })
 *
 * Its figures, of the epoch's batches on average: `loss/kd`, each term's value without its weight; `gradientNorm/kd`, the norm of the weighted term's
 * gradient at the logits (of a term of features, at these); `gradientShare/kd`, its share among the terms of logits. A share
 * near 0 or 1 says that the others do not count.
 *
 * @throws {RepvggError} `E_USAGE`: a term is given twice or out of range, or compares features that the teacher does not show.
 */
export function distillationObjective({ teacher, terms, seed = 0 }: DistillationOptions): Objective {
  checkTerms(terms);
  const ofFeatures = terms.find(needsFeatures);
  if (ofFeatures && !teacher.features) {
    throw new RepvggError(
      "E_USAGE",
      `The loss "${termName(ofFeatures)}" compares features, which this teacher does not show. Take a RepVGG that runs on each batch, or another loss.`,
    );
  }
  const projections = new HintProjections({ seed });
  let traces: TermTrace[] = [];

  const ask = async (batch: Batch, position: TrainingPosition): Promise<BatchLoss> => {
    const logits = await teacher(batch, position);
    const features = ofFeatures ? await teacher.features!(batch, position) : [];
    if (batch.mixture && terms.some(({ loss }) => loss === "dkd")) throw mixtureError();
    return (outputs) => {
      const sumOf = terms.map((term) => {
        const trace = { name: termName(term), squares: [] as Scalar[], ofFeatures: needsFeatures(term) };
        const inputs = inputsOf(outputs, { batch, position, logits, features }, (gradient) => {
          trace.squares.push(keep(sum(square(gradient))) as Scalar);
        });
        const value = termLoss(term, inputs, projections);
        traces.push({ ...trace, value: keep(value.clone()) });
        return mul<Scalar>(value, valueAt(term.weight ?? 1, position));
      });
      return sumOf.reduce((total, next) => add<Scalar>(total, next));
    };
  };
  return Object.assign(ask, {
    async afterBatch(done: ObjectiveBatch): Promise<Figures> {
      await projections.afterBatch(done);
      const seen = traces;
      traces = [];
      return figuresOf(await Promise.all(seen.map(readTrace)));
    },
    exportState: async () => projections.exportState(),
    importState: async (state: Parameters<typeof projections.importState>[0]) => projections.importState(state),
  });
}

interface Asked {
  readonly batch: Batch;
  readonly position: TrainingPosition;
  readonly logits: Logits;
  readonly features: readonly Images[];
}

/** A term's view of the outputs, which shows the gradients that flow back from it alone. */
function inputsOf(
  outputs: Parameters<BatchLoss>[0],
  { batch, position, logits, features }: Asked,
  seen: (gradient: Tensor) => void,
): TermInputs {
  const numClasses = outputs.logits.shape[1]!;
  return {
    position,
    logits: watchGradient(outputs.logits as Tensor2D, seen),
    teacherLogits: tensor2d(logits.data, [...logits.shape]),
    labels: targetsOf(batch, numClasses),
    features(stage) {
      const student = outputs.features[stage - 1] as Tensor4D;
      const { shape, data } = features[stage - 1]!;
      if (!sameShape(student.shape.slice(0, 3), shape.slice(0, 3))) throw sizeError(stage, student.shape, shape);
      return { student: watchGradient(student, seen), teacher: tensor4d(data, [...shape]) };
    },
  };
}

async function readTrace({ name, value, squares, ofFeatures }: TermTrace) {
  const numberOf = async (scalar: Scalar) => (await scalar.data<"float32">())[0]!;
  const loss = await numberOf(value);
  const gradients = await Promise.all(squares.map(numberOf));
  for (const tensor of [value, ...squares]) tensor.dispose();
  const norm = Math.sqrt(gradients.reduce((total, squared) => total + squared, 0));
  return { name, loss, norm, ofFeatures };
}

function figuresOf(terms: readonly Awaited<ReturnType<typeof readTrace>>[]): Figures {
  const figures: Record<string, number> = {};
  const ofLogits = terms.filter(({ ofFeatures }) => !ofFeatures);
  const total = ofLogits.reduce((sum, { norm }) => sum + norm, 0);
  for (const { name, loss, norm } of terms) {
    figures[`loss/${name}`] = loss;
    figures[`gradientNorm/${name}`] = norm;
  }
  for (const { name, norm } of ofLogits) figures[`gradientShare/${name}`] = total > 0 ? norm / total : 0;
  return figures;
}

const mixtureError = () =>
  new RepvggError(
    "E_USAGE",
    'The loss "dkd" needs one label an image, and mixup and CutMix blend them. Turn these off, or take "kd".',
  );

function sizeError(stage: number, student: readonly number[], teacher: readonly number[]): RepvggError {
  const size = ([, h, w]: readonly number[]) => `${h}×${w}`;
  return new RepvggError(
    "E_USAGE",
    `Stage ${stage} gives ${size(student)} pixels in the student and ${size(teacher)} in the teacher: hints and attention ` +
      "compare pixel by pixel. Leave this stage out, or take networks with the same strides.",
  );
}
