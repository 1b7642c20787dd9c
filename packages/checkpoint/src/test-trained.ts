import { initialState, type RepVggSpec, type StateDict, seededRandom } from "@repvgg/core";

/** A state as if it had been trained: batch normalizations and biases whose values are not those they start with. */
export function trainedState(spec: RepVggSpec, seed = 1): StateDict {
  const random = seededRandom(seed);
  const state = initialState(spec, seed);
  for (const [name, { data }] of state) {
    if (/running_var$|(bn|rbr_identity)\.weight$/.test(name)) data.set(data.map(() => 0.5 + random()));
    else if (/(running_mean|\.bias)$/.test(name)) data.set(data.map(() => random() - 0.5));
    else if (name.endsWith(".num_batches_tracked")) data.fill(12);
  }
  return state;
}
