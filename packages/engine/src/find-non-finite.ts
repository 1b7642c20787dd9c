import type { NonFinite } from "@repvgg/core";
import type { ImageLayout } from "./layouts.ts";
import { trainableSlots } from "./parameters.ts";
import { gradientOf, type PlacedNetwork } from "./placed-network.ts";

/**
 * What was the first in a forward pass that is not finite, as it lies in memory after the pass; undefined if all is.
 *
 * @param floats The engine's memory.
 */
export function findNonFinite(floats: Float32Array, network: PlacedNetwork): NonFinite | undefined {
  const { buffers, parameters } = network;
  const allFinite = (address: number, length: number) =>
    floats.subarray(address / 4, address / 4 + length).every(Number.isFinite);
  const slots = [...parameters.slots.values()];
  const parameterIn = (belongs: (block: number | undefined) => boolean) =>
    slots.find(({ entry, address, length }) => belongs(entry.block?.index) && !allFinite(address, length));
  if (!isFiniteLayout(floats, buffers.blocks[0]!.input)) return { what: "images", name: "" };
  for (const { block, output } of buffers.blocks) {
    const parameter = parameterIn((index) => index === block.index);
    if (parameter) return { what: "parameter", name: parameter.entry.name };
    if (!isFiniteLayout(floats, output)) return { what: "output", name: block.name };
  }
  const parameter = parameterIn((index) => index === undefined);
  if (parameter) return { what: "parameter", name: parameter.entry.name };
  const logits = network.batch * network.plan.spec.numClasses;
  return allFinite(buffers.logits, logits) ? undefined : { what: "output", name: "linear" };
}

/** The parameter nearest to the loss whose gradient is not finite: the way back began there. */
export function findNonFiniteGradient(floats: Float32Array, network: PlacedNetwork): NonFinite {
  const slots = trainableSlots(network.parameters);
  const found = slots.findLast(({ entry, length }) => {
    const start = gradientOf(network, entry.name) / 4;
    return !floats.subarray(start, start + length).every(Number.isFinite);
  });
  return { what: "gradient", name: found?.entry.name ?? "" };
}

function isFiniteLayout(floats: Float32Array, layout: ImageLayout): boolean {
  const { images, height, width, channels, origin, imageBytes, rowBytes } = layout;
  for (let n = 0; n < images; n++) {
    for (let y = 0; y < height; y++) {
      const start = (origin + n * imageBytes + y * rowBytes) / 4;
      if (!floats.subarray(start, start + width * channels).every(Number.isFinite)) return false;
    }
  }
  return true;
}
