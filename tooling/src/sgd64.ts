import { type LayerPlan, type SgdStep, stateLayout } from "@repvgg/core";
import type { Array64, State64 } from "./tensor64.ts";

/**
 * One update of a train-form state with PyTorch's SGD, in float64.
 *
 *     g ← g + weightDecay · w (where the layout says so)      v ← momentum · v + g (v = g at first)
 *     w ← w − learningRate · (nesterov ? g + momentum · v : v)
 *
 * @param velocity Momentum buffers by name, changed in place; empty before the first step.
 * @param runningStatistics Of the forward pass of this step.
 * @returns A new state.
 */
export function sgd64(
  plan: LayerPlan,
  state: State64,
  gradients: ReadonlyMap<string, Float64Array>,
  velocity: Map<string, Float64Array>,
  runningStatistics: ReadonlyMap<string, Float64Array>,
  { learningRate, momentum, weightDecay, nesterov }: SgdStep,
): Map<string, Array64> {
  const next = new Map<string, Array64>();
  for (const { name, shape, role, trainable, decay } of stateLayout(plan, "train")) {
    const { data } = state.get(name)!;
    if (trainable) {
      const gradient = gradients.get(name)!.map((g, i) => g + (decay ? weightDecay * data[i]! : 0));
      const previous = velocity.get(name);
      const v = gradient.map((g, i) => g + (previous ? momentum * previous[i]! : 0));
      velocity.set(name, v);
      const update = v.map((value, i) => (nesterov ? gradient[i]! + momentum * value : value));
      next.set(name, { shape, data: Float64Array.from(data, (w, i) => w - learningRate * update[i]!) });
    } else if (role === "numBatchesTracked") {
      next.set(name, { shape, data: Float64Array.of(data[0]! + 1) });
    } else {
      next.set(name, { shape, data: runningStatistics.get(name)! });
    }
  }
  return next;
}
