import type { LayerPlan } from "./layer-plan.ts";
import type { NdArray } from "./nd-array.ts";
import { BATCH_NORM } from "./network.ts";
import { stateLayout } from "./state-layout.ts";

/** Something about running statistics that makes a network answer otherwise than its user expects. */
export type StatisticsProblem =
  | {
      /** Channels of nearly constant value: fusion multiplies the weights before them by up to γ / √(σ² + ε). */
      readonly kind: "small-variance";
      /** `stage1.0.rbr_dense.bn` */
      readonly name: string;
      readonly channels: number;
      readonly ofChannels: number;
      readonly smallest: number;
      /** The largest of these scales. */
      readonly largestScale: number;
    }
  | {
      /** All means 0 and all variances 1, as before training: what was seen in training mode used the batch's statistics. */
      readonly kind: "initial-statistics";
      readonly name: string;
      readonly channels: number;
    };

/**
 * Finds batch normalizations with a variance near zero (below ε), and those whose running statistics are still the initial ones.
 *
 * @param state Train form or partly fused; in deploy form there is nothing to find. Variances that are negative or not finite are
 *   errors where a state is read, and not looked for here.
 */
export function examineStatistics(plan: LayerPlan, state: ReadonlyMap<string, NdArray>): StatisticsProblem[] {
  return stateLayout(plan, "train").flatMap(({ name: entry, role }): StatisticsProblem[] => {
    if (role !== "runningVar" || !state.has(entry)) return [];
    const name = entry.slice(0, entry.lastIndexOf("."));
    const data = (suffix: string) => state.get(`${name}.${suffix}`)!.data;
    const [variances, gamma] = [data("running_var"), data("weight")];
    const channels = variances.length;
    if (variances.every((v) => v === 1) && data("running_mean").every((m) => m === 0)) {
      return [{ kind: "initial-statistics", name, channels }];
    }
    const small = [...variances.keys()].filter((c) => variances[c]! < BATCH_NORM.epsilon);
    if (small.length === 0) return [];
    const scale = (c: number) => Math.abs(gamma[c]!) / Math.sqrt(variances[c]! + BATCH_NORM.epsilon);
    return [
      {
        kind: "small-variance",
        name,
        channels: small.length,
        ofChannels: channels,
        smallest: Math.min(...small.map((c) => variances[c]!)),
        largestScale: Math.max(...small.map(scale)),
      },
    ];
  });
}
