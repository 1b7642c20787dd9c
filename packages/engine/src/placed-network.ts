import type { LayerPlan } from "@repvgg/core";
import type { NetworkBuffers } from "./network-buffers.ts";
import type { ParameterLayout, Slot } from "./parameters.ts";

/** A network placed in memory: what all compiling functions read. */
export interface PlacedNetwork {
  readonly plan: LayerPlan;
  readonly batch: number;
  readonly parameters: ParameterLayout;
  readonly buffers: NetworkBuffers;
}

export const slotOf = ({ parameters }: PlacedNetwork, name: string): Slot => parameters.slots.get(name)!;

/** Address of a parameter's gradient. */
export const gradientOf = (network: PlacedNetwork, name: string) =>
  slotOf(network, name).address + network.parameters.gradientOffset;
