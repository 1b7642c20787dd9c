import { RepvggError } from "./errors.ts";
import { firstNotFinite } from "./first-not-finite.ts";
import type { LayerPlan } from "./layer-plan.ts";
import { LazyState } from "./lazy-state.ts";
import { type NdArray, sameShape, sizeOf } from "./nd-array.ts";
import type { Forms } from "./spec.ts";
import { type StateEntry, stateLayout } from "./state-layout.ts";

const NAMED = 5;
const CHECK_SPEC = "Check that the weights belong to this spec, and in which form they are (train or deploy).";

/**
 * Checks that a state has exactly the entries of a network, of the right shapes, with finite values and no negative variance.
 *
 * @param forms Form of all blocks, or of each.
 * @throws {RepvggError} `E_STATE`: names the missing, unexpected, misshapen and unusable entries.
 */
export function checkState(plan: LayerPlan, forms: Forms, state: ReadonlyMap<string, NdArray>): void {
  takeState(checkLayout(plan, forms, state), state, () => undefined);
}

/**
 * Checks that a state has exactly the entries of a network, of the right shapes, without reading one of them.
 *
 * @returns The entries, for {@link takeState}.
 * @throws {RepvggError} `E_STATE`: names the missing, unexpected and misshapen entries.
 */
export function checkLayout(plan: LayerPlan, forms: Forms, state: ReadonlyMap<string, NdArray>): StateEntry[] {
  const entries = stateLayout(plan, forms);
  const expected = new Set(entries.map(({ name }) => name));
  const missing = entries.filter(({ name }) => !state.has(name)).map(({ name }) => name);
  const unexpected = [...state.keys()].filter((name) => !expected.has(name));
  const misshapen = entries.flatMap(({ name, shape }) => {
    const actual = state.get(name)?.shape;
    if (actual === undefined || sameShape(actual, shape)) return [];
    return [`${name} is [${actual.join(", ")}] instead of [${shape.join(", ")}]`];
  });
  refuse([list("missing", missing), list("unexpected", unexpected), list("misshapen", misshapen)], CHECK_SPEC);
  return entries;
}

/**
 * Gives a network all arrays of its state, each read once, and checks them: finite values, no negative variance. Of a state
 * that stays in a file, one array at a time is in memory.
 *
 * @param entries As {@link checkLayout} returned them.
 * @param take May say whether all elements are finite, where it saw them: then nobody looks again.
 * @throws {RepvggError} `E_STATE`: names all entries that are unusable; what was taken by then is to be thrown away.
 */
export function takeState(
  entries: readonly StateEntry[],
  state: ReadonlyMap<string, NdArray>,
  take: (entry: StateEntry, array: NdArray) => boolean | undefined,
): void {
  const misshapen: string[] = [];
  const unusable: string[] = [];
  const finite = state instanceof LazyState && state.finite;
  for (const entry of entries) {
    const { name, shape } = entry;
    const { data } = state.get(name)!;
    if (data.length !== sizeOf(shape)) {
      misshapen.push(`${name} is [${shape.join(", ")}] of ${data.length} elements`);
      continue;
    }
    const seen = take(entry, { shape, data });
    const problem = problemOf(entry, data, finite || (seen ?? firstNotFinite(data) === -1));
    if (problem !== undefined) unusable.push(`${name} holds ${problem}`);
  }
  const advice = misshapen.length > 0 ? CHECK_SPEC : "The training that wrote it diverged, or the file is damaged.";
  refuse([list("misshapen", misshapen), list("unusable", unusable)], advice);
}

function problemOf({ role }: StateEntry, data: Float32Array, finite: boolean): string | undefined {
  if (!finite) return "NaN or infinity";
  return role === "runningVar" && data.some((v) => v < 0) ? "a negative variance" : undefined;
}

function refuse(found: readonly string[], advice: string): void {
  const problems = found.filter(Boolean).join("; ");
  if (problems !== "") throw new RepvggError("E_STATE", `The state does not fit the network: ${problems}. ${advice}`);
}

function list(what: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  const more = items.length > NAMED ? ` and ${items.length - NAMED} more` : "";
  return `${what} ${items.slice(0, NAMED).join(", ")}${more}`;
}
