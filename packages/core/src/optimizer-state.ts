import { RepvggError } from "./errors.ts";
import { type NdArray, sameShape, sizeOf } from "./nd-array.ts";
import { OPTIMIZER_STATE, type OptimizerStep } from "./optimizer-step.ts";
import type { StateEntry } from "./state-layout.ts";

export type OptimizerKind = NonNullable<OptimizerStep["kind"]>;

/** An optimiser's arrays by parameter name. A parameter that was never updated has none. */
export interface OptimizerArrays {
  readonly kind: OptimizerKind;
  /** SGD's velocities, AdamW's first moments. */
  readonly first: ReadonlyMap<string, NdArray>;
  /** AdamW's second moments. */
  readonly second: ReadonlyMap<string, NdArray>;
  /** Updates so far, as AdamW counts them. */
  readonly updates: number;
}

/**
 * Takes apart what `exportOptimizerState` gave, on whichever device.
 *
 * @param entries The parameters that learn.
 * @throws {RepvggError} `E_STATE`: a name is no parameter's, or a shape is another.
 */
export function readOptimizerState(
  state: ReadonlyMap<string, NdArray>,
  entries: readonly StateEntry[],
): OptimizerArrays {
  const { first: firstPrefix, second: secondPrefix, updates } = OPTIMIZER_STATE;
  const count = state.get(updates);
  const shapes = new Map(entries.map(({ name, shape }) => [name, shape]));
  const [first, second] = [new Map<string, NdArray>(), new Map<string, NdArray>()];
  for (const [key, array] of state) {
    if (key === updates) continue;
    const prefix = [secondPrefix, count ? firstPrefix : ""].find((candidate) => key.startsWith(candidate));
    const name = key.slice(prefix?.length);
    const shape = prefix === undefined ? undefined : shapes.get(name);
    if (!shape)
      throw new RepvggError("E_STATE", `The optimiser's state has ${key}, which is no parameter that learns.`);
    if (!sameShape(shape, array.shape) || array.data.length !== sizeOf(shape)) {
      throw new RepvggError(
        "E_STATE",
        `The optimiser's ${key} must have shape [${shape.join(", ")}], got [${array.shape.join(", ")}]. ` +
          "Resume with the run's own network, or start without optimiser state.",
      );
    }
    (prefix === secondPrefix ? second : first).set(name, array);
  }
  return { kind: count ? "adamw" : "sgd", first, second, updates: count?.data[0] ?? 0 };
}

/** The inverse of {@link readOptimizerState}. */
export function writeOptimizerState({ kind, first, second, updates }: OptimizerArrays): Map<string, NdArray> {
  if (kind === "sgd") return new Map(first);
  const prefixed = (prefix: string, arrays: ReadonlyMap<string, NdArray>) =>
    [...arrays].map(([name, array]): [string, NdArray] => [prefix + name, array]);
  return new Map([
    [OPTIMIZER_STATE.updates, { shape: [], data: Float32Array.of(updates) }],
    ...prefixed(OPTIMIZER_STATE.first, first),
    ...prefixed(OPTIMIZER_STATE.second, second),
  ]);
}
