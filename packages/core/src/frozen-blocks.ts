import { RepvggError } from "./errors.ts";
import type { LayerPlan } from "./layer-plan.ts";
import { nearestName } from "./nearest-name.ts";
import type { StateEntry } from "./state-layout.ts";

/** The names of the stages, from the input on. */
export const STAGE_NAMES = ["stem", "stage1", "stage2", "stage3", "stage4"] as const;

/**
 * How many blocks, from the input on, do not learn.
 *
 * @param freeze Names of stages, in any order. Only a network's beginning can be frozen: what comes before a stage that learns
 *   nothing would learn from it alone.
 * @throws {RepvggError} `E_USAGE`: a name is no stage's, or a stage before it is not frozen.
 */
export function frozenBlocks({ blocks }: LayerPlan, freeze: readonly string[]): number {
  for (const name of freeze) {
    if ((STAGE_NAMES as readonly string[]).includes(name)) continue;
    throw new RepvggError(
      "E_USAGE",
      `There is no stage "${name}" to freeze. Did you mean ${nearestName(name, STAGE_NAMES)}? (${STAGE_NAMES.join(", ")})`,
    );
  }
  const frozen = STAGE_NAMES.map((name) => freeze.includes(name));
  const count = frozen.includes(false) ? frozen.indexOf(false) : frozen.length;
  const later = STAGE_NAMES.find((_, i) => i > count && frozen[i]);
  if (later !== undefined) {
    throw new RepvggError(
      "E_USAGE",
      `Stages are frozen from the input on: ${later} cannot be frozen while ${STAGE_NAMES[count]} learns. Add ${STAGE_NAMES.slice(count, STAGE_NAMES.indexOf(later)).join(", ")}, or leave ${later} out.`,
    );
  }
  return blocks.filter(({ stage }) => stage < count).length;
}

/** Whether an entry belongs to the first `frozen` blocks. */
export const isFrozen = ({ block }: StateEntry, frozen: number) => block !== undefined && block.index < frozen;

/** The entries of a network whose first `frozen` blocks do not learn. */
export function freezeEntries(entries: readonly StateEntry[], frozen: number): StateEntry[] {
  return entries.map((entry) => (isFrozen(entry, frozen) ? { ...entry, trainable: false, decay: false } : entry));
}
