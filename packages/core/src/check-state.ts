import { RepvggError } from "./errors.ts";
import { firstNotFinite } from "./first-not-finite.ts";
import type { LayerPlan } from "./layer-plan.ts";
import { type NdArray, sameShape, sizeOf } from "./nd-array.ts";
import type { Forms } from "./spec.ts";
import { stateLayout } from "./state-layout.ts";

const NAMED = 5;

/**
 * Checks that a state has exactly the entries of a network, of the right shapes, with finite values and no negative variance.
 *
 * @param forms Form of all blocks, or of each.
 * @throws {RepvggError} `E_STATE`: names the missing, unexpected, misshapen and unusable entries.
 */
export function checkState(plan: LayerPlan, forms: Forms, state: ReadonlyMap<string, NdArray>): void {
  const entries = stateLayout(plan, forms);
  const expected = new Set(entries.map(({ name }) => name));
  const missing = entries.filter(({ name }) => !state.has(name)).map(({ name }) => name);
  const unexpected = [...state.keys()].filter((name) => !expected.has(name));
  const misshapen: string[] = [];
  const unusable: string[] = [];
  for (const { name, shape, role } of entries) {
    const array = state.get(name);
    if (!array) continue;
    if (!sameShape(array.shape, shape) || array.data.length !== sizeOf(shape)) {
      misshapen.push(`${name} is [${array.shape.join(", ")}] instead of [${shape.join(", ")}]`);
    } else if (firstNotFinite(array.data) !== -1) {
      unusable.push(`${name} holds NaN or infinity`);
    } else if (role === "runningVar" && array.data.some((v) => v < 0)) {
      unusable.push(`${name} holds a negative variance`);
    }
  }
  const problems = [
    list("missing", missing),
    list("unexpected", unexpected),
    list("misshapen", misshapen),
    list("unusable", unusable),
  ];
  if (problems.every((problem) => problem === "")) return;
  const advice =
    unusable.length > 0 && missing.length + unexpected.length + misshapen.length === 0
      ? "The training that wrote it diverged, or the file is damaged."
      : "Check that the weights belong to this spec, and in which form they are (train or deploy).";
  throw new RepvggError(
    "E_STATE",
    `The state does not fit the network: ${problems.filter(Boolean).join("; ")}. ${advice}`,
  );
}

function list(what: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  const more = items.length > NAMED ? ` and ${items.length - NAMED} more` : "";
  return `${what} ${items.slice(0, NAMED).join(", ")}${more}`;
}
