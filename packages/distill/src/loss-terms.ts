import { RepvggError } from "@repvgg/core";
import type { Scalar, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { add } from "@tensorflow/tfjs-core";
import { attentionLoss } from "./attention-loss.ts";
import { type CrossEntropyOptions, checkCrossEntropy, crossEntropy } from "./cross-entropy.ts";
import { checkDistLoss, DIST_LOSS_DEFAULTS, distLoss } from "./dist-loss.ts";
import { checkDkdLoss, checkWeights, DKD_LOSS_DEFAULTS, dkdLoss } from "./dkd-loss.ts";
import { hardTargetLoss } from "./hard-target-loss.ts";
import { hintLoss } from "./hint-loss.ts";
import type { HintProjections } from "./hint-projections.ts";
import type { TrainingPosition } from "./objective.ts";
import { type Scheduled, valueAt } from "./scheduled.ts";
import { checkTemperature, DEFAULT_TEMPERATURE, softTargetLoss } from "./soft-target-loss.ts";

/** What a term of the loss is a function of. */
export interface TermInputs {
  /** The student's, `[N, C]`. */
  readonly logits: Tensor2D;
  /** The teacher's, `[N, C]`; constant. */
  readonly teacherLogits: Tensor2D;
  /** `[N, C]`: one-hot, or blended as the images are. */
  readonly labels: Tensor2D;
  /** A stage's outputs, `[N, h, w, channels]`, the student's and the teacher's. @param stage From 1 to 4. */
  features(stage: number): { readonly student: Tensor4D; readonly teacher: Tensor4D };
  readonly position: TrainingPosition;
}

interface Weighted {
  /** What the term is multiplied by. @default 1 */
  weight?: Scheduled;
}
interface Softened extends Weighted {
  /** @default 4; 1 for "dist" */
  temperature?: Scheduled;
}
interface OfStages extends Weighted {
  /** Stages that are compared, from 1 to 4. @default all four */
  stages?: readonly number[];
}

/**
 * One part of a distillation loss.
 *
 * - `labels`: cross-entropy with the labels. - `kd`: Hinton's soft targets. - `hard`: the teacher's decisions as labels.
 * - `dkd`, `dist`: relations of the classes. - `features`: hints, with learnt projections. - `attention`: where both look.
 * - a function of its own, with a name for the figures.
 */
export type LossTerm =
  | ({ loss: "labels" } & Weighted & CrossEntropyOptions)
  | ({ loss: "kd" } & Softened)
  | ({ loss: "hard" } & Weighted)
  | ({ loss: "dkd"; dkdAlpha?: number; dkdBeta?: number } & Softened)
  | ({ loss: "dist"; distBeta?: number; distGamma?: number } & Softened)
  | ({ loss: "features" | "attention" } & OfStages)
  | ({ loss(inputs: TermInputs): Scalar; name: string } & Weighted);

/** The names of the terms that are built in. */
export const LOSS_NAMES = ["labels", "kd", "hard", "dkd", "dist", "features", "attention"] as const;

/** Terms that compare features: their teacher must have some. */
export const needsFeatures = ({ loss }: LossTerm) => loss === "features" || loss === "attention";

/** A term's name in figures. */
export const termName = (term: LossTerm): string => ("name" in term ? term.name : term.loss);

/** The value of a term, without its weight. */
export function termLoss(term: LossTerm, inputs: TermInputs, projections: HintProjections): Scalar {
  const { logits, teacherLogits, labels, position } = inputs;
  const at = (scheduled: Scheduled | undefined, otherwise: number) => valueAt(scheduled ?? otherwise, position);
  switch (term.loss) {
    case "labels":
      return crossEntropy(logits, labels, term);
    case "kd":
      return softTargetLoss(logits, teacherLogits, { temperature: at(term.temperature, DEFAULT_TEMPERATURE) });
    case "hard":
      return hardTargetLoss(logits, teacherLogits);
    case "dkd": {
      const temperature = at(term.temperature, DKD_LOSS_DEFAULTS.temperature);
      return dkdLoss(logits, teacherLogits, labels, { ...term, temperature });
    }
    case "dist": {
      const temperature = at(term.temperature, DIST_LOSS_DEFAULTS.temperature);
      return distLoss(logits, teacherLogits, { ...term, temperature });
    }
    case "features":
      return overStages(term, (stage) => {
        const { student, teacher } = inputs.features(stage);
        return hintLoss(projections.project(stage, student, teacher.shape[3]), teacher);
      });
    case "attention":
      return overStages(term, (stage) => {
        const { student, teacher } = inputs.features(stage);
        return attentionLoss(student, teacher);
      });
    default:
      return term.loss(inputs);
  }
}

const ALL_STAGES = [1, 2, 3, 4] as const;

function overStages({ stages = ALL_STAGES }: OfStages, loss: (stage: number) => Scalar): Scalar {
  return stages.map(loss).reduce((sum, next) => add<Scalar>(sum, next));
}

/**
 * Whether terms are complete and in range, as far as that is known before the training; schedules are checked at every step.
 *
 * @throws {RepvggError} `E_USAGE`: the message names the term.
 */
export function checkTerms(terms: readonly LossTerm[]): void {
  if (terms.length === 0) throw new RepvggError("E_USAGE", "A distillation loss needs at least one term.");
  const names = terms.map(termName);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new RepvggError("E_USAGE", `The loss has the term "${twice}" twice. Give it once.`);
  for (const term of terms) {
    if (typeof term.weight === "number") checkWeights({ [`The weight of "${termName(term)}"`]: term.weight });
    checkTerm(term);
  }
}

function checkTerm(term: LossTerm): void {
  if ("temperature" in term && typeof term.temperature === "number") checkTemperature(term.temperature);
  if (term.loss === "labels") checkCrossEntropy(term);
  if (term.loss === "dkd") checkDkdLoss({ ...term, temperature: 1 });
  if (term.loss === "dist") checkDistLoss({ ...term, temperature: 1 });
  if (!("stages" in term) || term.stages === undefined) return;
  const { stages } = term;
  if (stages.length > 0 && stages.every((stage) => [1, 2, 3, 4].includes(stage))) return;
  throw new RepvggError(
    "E_USAGE",
    `The stages of "${term.loss}" must be some of 1, 2, 3, 4, got [${stages.join(", ")}].`,
  );
}
