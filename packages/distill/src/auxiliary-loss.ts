import { RepvggError } from "@repvgg/core";
import { add, keep, mul, type Scalar, type Tensor2D } from "@tensorflow/tfjs-core";
import { type CrossEntropyOptions, checkCrossEntropy, crossEntropy } from "./cross-entropy.ts";
import type { Figures, Objective, ObjectiveBatch } from "./objective.ts";
import { targetsOf } from "./targets.ts";

export interface AuxiliaryLossOptions extends CrossEntropyOptions {
  /** What each auxiliary classifier's loss is multiplied by. @default 0.1 */
  weight?: number;
}

/** As the authors train RepVGGplus. */
export const AUXILIARY_LOSS_DEFAULTS = { weight: 0.1 } as const satisfies AuxiliaryLossOptions;

/**
 * Another objective, and beside it the labels for the auxiliary classifiers of RepVGGplus (deep supervision).
 *
 *     L = L_main + w · Σ_a CE(y, z_a)
 *
 * Without auxiliary classifiers it is the other objective. Its figure `loss/auxiliary` is the sum without its weight.
 *
 * @param objective Of the main classifier: labels, a teacher, or one's own.
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 * @see DingXiaoH/RepVGG, `main.py`: `loss += 0.1 * criterion(pred, targets)`. https://github.com/DingXiaoH/RepVGG
 */
export function withAuxiliaryLoss(objective: Objective, options: AuxiliaryLossOptions = {}): Objective {
  const { weight } = { ...AUXILIARY_LOSS_DEFAULTS, ...options };
  checkCrossEntropy(options);
  if (!(weight >= 0 && Number.isFinite(weight))) {
    throw new RepvggError("E_USAGE", `The weight of the auxiliary loss must be 0 or a positive number, got ${weight}.`);
  }
  let traces: Scalar[] = [];

  const ask: Objective = async (batch, position) => {
    const main = await objective(batch, position);
    return (outputs) => {
      const { auxiliary, logits } = outputs;
      if (auxiliary.length === 0) return main(outputs);
      const targets = targetsOf(batch, logits.shape[1]!); // [N, C]
      const losses = auxiliary.map((other) => crossEntropy(other as Tensor2D, targets, options));
      const sum = losses.reduce((total, next) => add<Scalar>(total, next));
      traces.push(keep(sum.clone()));
      return add<Scalar>(main(outputs), mul(sum, weight));
    };
  };
  return Object.assign(ask, {
    async afterBatch(batch: ObjectiveBatch): Promise<Figures> {
      const done = traces;
      traces = [];
      const figures = await objective.afterBatch?.(batch);
      const values = await Promise.all(done.map(async (trace) => (await trace.data<"float32">())[0]!));
      for (const trace of done) trace.dispose();
      if (values.length === 0) return figures ?? {};
      const mean = values.reduce((total, value) => total + value, 0) / values.length;
      return { ...figures, "loss/auxiliary": mean };
    },
    ...(objective.exportState && { exportState: () => objective.exportState!() }),
    ...(objective.importState && {
      importState: (state: Parameters<NonNullable<Objective["importState"]>>[0]) => objective.importState!(state),
    }),
  });
}
