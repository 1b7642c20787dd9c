import { add, grads, mul, type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { BlockPlan } from "../layer-plan.ts";
import { type BlockTensors, blockTensors } from "./block-tensors.ts";
import { customL2 } from "./custom-l2.ts";
import type { Parameter } from "./forward.ts";
import type { Gradients } from "./optimizer.ts";

/**
 * Gradients with those of λ/2 · Σ `customL2` added.
 *
 * @param gradients Borrowed.
 * @param blocks Those that learn.
 * @param parameter Called in a `tidy` that frees what it makes.
 * @param weight λ.
 * @returns All gradients, and those among them that were made here, which the caller owns.
 */
export function addCustomL2(
  gradients: Gradients,
  blocks: readonly BlockPlan[],
  parameter: Parameter,
  weight: number,
): { gradients: Gradients; made: readonly Tensor[] } {
  const made = new Map<string, Tensor>();
  for (const block of blocks) {
    const names = ["rbr_dense", "rbr_1x1"].map((branch) => `${block.name}.${branch}.conv.weight`);
    const sums = tidy(() => {
      const { dense, pointwise } = blockTensors(block, parameter);
      const penalty = (...[k3, k1]: Tensor[]) => {
        const branches = { dense: { ...dense, kernel: k3 }, pointwise: { ...pointwise, kernel: k1 } };
        return mul(customL2(branches as Pick<BlockTensors, "dense" | "pointwise">), weight / 2);
      };
      const added = grads(penalty)([dense.kernel, pointwise.kernel]);
      return names.map((name, i) => add(gradients.get(name)!, added[i]!));
    });
    for (const [i, name] of names.entries()) made.set(name, sums[i]!);
  }
  return { gradients: new Map([...gradients, ...made]), made: [...made.values()] };
}
