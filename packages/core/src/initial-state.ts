import { layerPlan } from "./layer-plan.ts";
import { type NdArray, sizeOf } from "./nd-array.ts";
import { type Random, seededRandom } from "./random.ts";
import type { Form, RepVggSpec } from "./spec.ts";
import type { StateDict } from "./state-dict.ts";
import { type StateEntry, stateLayout } from "./state-layout.ts";

/**
 * The state of an untrained network, as PyTorch's layers initialise themselves.
 *
 *     kernel, matrix, bias ~ U(−1/√fanIn, 1/√fanIn)        fanIn = I/groups · kh · kw
 *     gamma = 1   beta = 0   runningMean = 0   runningVar = 1   numBatchesTracked = 0
 *
 * The bound is that of Kaiming's uniform initialisation with a = √5, `nn.Conv2d`'s and `nn.Linear`'s default.
 *
 * @param seed The same seed gives the same weights everywhere (not PyTorch's weights of that seed).
 * @param form Deploy form is for tests and benchmarks: training starts from train form.
 */
export function initialState(spec: RepVggSpec, seed: number, form: Form = "train"): StateDict {
  const random = seededRandom(seed);
  const state: StateDict = new Map();
  let fanIn = 1; // a bias follows its kernel or matrix
  // Nothing in a state depends on the image size.
  for (const entry of stateLayout(layerPlan(spec, [1, 1]), form)) {
    if (entry.role === "kernel" || entry.role === "matrix") fanIn = sizeOf(entry.shape.slice(0, -1));
    state.set(entry.name, initialValue(entry, fanIn, random));
  }
  return state;
}

function initialValue({ role, shape }: StateEntry, fanIn: number, random: Random): NdArray {
  const data = new Float32Array(sizeOf(shape));
  if (role === "gamma" || role === "runningVar") data.fill(1);
  if (role === "kernel" || role === "matrix" || role === "bias") {
    const bound = 1 / Math.sqrt(fanIn);
    for (let i = 0; i < data.length; i++) data[i] = (2 * random() - 1) * bound;
  }
  return { shape, data };
}
