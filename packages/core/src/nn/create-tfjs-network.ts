import { checkLayout } from "../check-state.ts";
import { frozenBlocks } from "../frozen-blocks.ts";
import { layerPlan } from "../layer-plan.ts";
import type { NdArray } from "../nd-array.ts";
import type { Forms, RepVggSpec } from "../spec.ts";
import { TfjsNetwork } from "./tfjs-network.ts";
import { TfjsTrainableNetwork } from "./tfjs-trainable-network.ts";

export interface TfjsNetworkOptions<F extends Forms = Forms> {
  readonly spec: RepVggSpec;
  /** Copied. */
  readonly state: ReadonlyMap<string, NdArray>;
  /** The form that `state` is in, or that of each block. */
  readonly form: F;
  /** Of a network that learns: stages that do not, as `frozenBlocks` takes them. @default none */
  readonly freeze?: readonly string[];
}

/**
 * A network on the current tfjs backend: trainable in train form, plain in deploy form or partly fused. The caller owns it.
 *
 * @throws {RepvggError} `E_STATE`: the state does not have exactly the entries of this spec and form, finite and of the right
 *   shapes; `E_USAGE`: stages that cannot be frozen.
 */
export function createTfjsNetwork(options: TfjsNetworkOptions<"train">): TfjsTrainableNetwork;
export function createTfjsNetwork(options: TfjsNetworkOptions): TfjsNetwork;
export function createTfjsNetwork({ spec, state, form, freeze = [] }: TfjsNetworkOptions): TfjsNetwork {
  const plan = layerPlan(spec, [1, 1]);
  checkLayout(plan, form, state);
  return form === "train"
    ? new TfjsTrainableNetwork(spec, state, frozenBlocks(plan, freeze))
    : new TfjsNetwork(spec, form, state);
}
