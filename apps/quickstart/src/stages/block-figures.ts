import { type Form, type LayerPlan, profile, RepvggError } from "@repvgg/core";
import type { BlockFigures } from "../result.ts";

/** Additions that bring the three branches together; a profile lists layers only. */
const ADDITIONS = { train: 2, deploy: 0 } as const;

/**
 * What fusion does to the first block of a network that has all three branches.
 *
 * @throws {RepvggError} `E_SPEC`: no block has an identity branch.
 */
export function blockFigures(plan: LayerPlan, network: string): BlockFigures {
  const block = plan.blocks.find(({ identity }) => identity);
  if (!block) throw new RepvggError("E_SPEC", `No block of the ${network} has all three branches.`);
  const { name, inChannels, outChannels, outputSize } = block;
  const figures = (form: Form) => {
    const layers = profile(plan, form).layers.filter((layer) => layer.name.startsWith(`${name}.`));
    return {
      params: layers.reduce((sum, { params }) => sum + params, 0),
      macs: layers.reduce((sum, { macs }) => sum + macs, 0),
      operations: layers.length + ADDITIONS[form],
    };
  };
  return {
    name,
    network,
    inChannels,
    outChannels,
    size: outputSize,
    before: figures("train"),
    after: figures("deploy"),
  };
}
