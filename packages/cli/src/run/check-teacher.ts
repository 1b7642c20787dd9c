import { RepvggError } from "@repvgg/core";
import type { LabelledImages } from "@repvgg/data";
import { type Classifier, evaluate } from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { everyImage } from "./batch-sources.ts";
import { someOf } from "./data-source.ts";
import { grouped, percent } from "./numbers.ts";
import { loadingOf } from "./training-parts.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** Enough to tell a teacher from chance, and soon done. */
const SAMPLE = 512;

/** How good a teacher is on some validation images. */
export interface Judgement {
  readonly top1: number;
  readonly images: number;
  /** What a guess has. */
  readonly chance: number;
}

/**
 * Judges a teacher on some validation images.
 *
 * @param network Answers with the classes of the data.
 */
export async function judgeTeacher(
  network: Classifier,
  { validation, preprocessing, settings }: TrainingPlan,
  { terminal, signal }: { terminal: Terminal; signal: AbortSignal },
): Promise<Judgement> {
  const sample = someOf(validation, Math.min(SAMPLE, validation.length));
  const source = everyImage(sample, preprocessing, settings.batchSize, loadingOf(settings, terminal));
  try {
    const { top1, images } = await evaluate(network, source, { signal });
    return { top1, images, chance: bestGuess(sample) };
  } finally {
    await source.close();
  }
}

/**
 * Says how good a teacher is.
 *
 * @param options.mayBeBad One that is no better than chance is told, not refused.
 * @throws {RepvggError} `E_CHECKPOINT`: it is no better than chance.
 */
export function acceptTeacher(
  name: string,
  { top1, images, chance }: Judgement,
  { terminal, mayBeBad }: { terminal: Pick<Terminal, "note">; mayBeBad: boolean },
): void {
  const accuracy = `Acc@1 ${percent(top1, 3)} on ${grouped(images)} validation images`;
  terminal.note(`Teacher ${name}: ${accuracy}`);
  if (top1 * images > mostByChance(chance, images)) return;
  const what = `The teacher ${name} is no better than chance: ${accuracy}, where a guess has ${percent(chance, 3)}.`;
  if (!mayBeBad) {
    throw new RepvggError(
      "E_CHECKPOINT",
      `${what} Check that it was trained on these classes, in this order, and on images like these; --any-teacher takes it all the same.`,
    );
  }
  terminal.note(`${what} It is taken all the same, as --any-teacher says.`);
}

/** The share of the most frequent class: what one has who always says it. At least that of a blind guess. */
function bestGuess(sample: LabelledImages): number {
  const counts = new Float64Array(sample.classes.length);
  for (let i = 0; i < sample.length; i++) counts[sample.label(i)]!++;
  return Math.max(...counts) / sample.length;
}

/**
 * Right answers that a guess often has too: two standard deviations above its mean, though never all.
 *
 *     k = N p + 2 √(N p (1 − p))
 */
export function mostByChance(p: number, N: number): number {
  return Math.min(N * p + 2 * Math.sqrt(N * p * (1 - p)), N - 1);
}
