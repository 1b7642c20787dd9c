import { RepvggError } from "./errors.ts";
import { firstNotFinite } from "./first-not-finite.ts";
import type { LayerPlan } from "./layer-plan.ts";
import { type NdArray, sameShape, sizeOf } from "./nd-array.ts";
import type { Forms } from "./spec.ts";
import { type StateEntry, stateLayout } from "./state-layout.ts";

const NAMED = 5;

/**
 * Checks that a state has exactly the entries of a network, of the right shapes, with finite values and no negative variance.
 *
 * @param forms Form of all blocks, or of each.
 * @throws {RepvggError} `E_STATE`: names the missing, unexpected, misshapen and unusable entries.
 */
export function checkState(plan: LayerPlan, forms: Forms, state: ReadonlyMap<string, NdArray>): void {
  takeState(checkLayout(plan, forms, state), state, () => {});
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
  refuse(
    [list("missing", missing), list("unexpected", unexpected), list("misshapen", misshapen)],
    "Check that the weights belong to this spec, and in which form they are (train or deploy).",
  );
  return entries;
}

/**
 * Gives a network all arrays of its state, each read once, and checks them on the way: finite values, no negative variance. Of a state
 * that stays in a file, one array at a time is in memory.
 *
 * @param entries As {@link checkLayout} returned them.
 * @throws {RepvggError} `E_STATE`: names all entries that are unusable; what was taken by then is to be thrown away.
 */
export function takeState(
  entries: readonly StateEntry[],
  state: ReadonlyMap<string, NdArray>,
  take: (entry: StateEntry, array: NdArray) => void,
): void {
  const unusable: string[] = [];
  for (const entry of entries) {
    const { shape, data } = state.get(entry.name)!;
    const problem = problemOf(entry, data);
    if (problem === undefined) take(entry, { shape, data });
    else unusable.push(`${entry.name} holds ${problem}`);
  }
  refuse([list("unusable", unusable)], "The training that wrote it diverged, or the file is damaged.");
}

function problemOf({ shape, role }: StateEntry, data: Float32Array): string | undefined {
  if (data.length !== sizeOf(shape)) return `${data.length} elements instead of ${sizeOf(shape)}`;
  if (firstNotFinite(data) !== -1) return "NaN or infinity";
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
