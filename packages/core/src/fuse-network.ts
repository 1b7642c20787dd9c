import { RepvggError, ShapeError } from "./errors.ts";
import { fuseBlock, fuseBlock64 } from "./fuse-block.ts";
import { type BlockPlan, layerPlan } from "./layer-plan.ts";
import { type NdArray, ndArray, sameShape } from "./nd-array.ts";
import { nearestName } from "./nearest-name.ts";
import type { Forms, RepVggSpec } from "./spec.ts";
import { type StateDict, stateValue } from "./state-dict.ts";
import { stateLayout } from "./state-layout.ts";

/**
 * The deploy form of a network: every block fused, squeeze-and-excitation and classifier copied.
 *
 * Blocks that are in deploy form already are copied, so a partly or wholly fused state is accepted too.
 *
 * @param state Train form; left unchanged and not shared with the result.
 * @param blocks Names of the blocks to fuse, if not all: the others keep their form.
 * @throws {RepvggError} `E_STATE`: an entry is missing. `E_SHAPE`: an entry does not fit the spec. `E_USAGE`: there is no such block.
 */
export function fuseState(
  spec: RepVggSpec,
  state: ReadonlyMap<string, NdArray>,
  blocks?: readonly string[],
): StateDict {
  const fuse = (block: BlockPlan) => fuseBlock(block, state);
  const copy = ({ shape, data }: NdArray) => ndArray([...shape], data.slice());
  return new Map(fusedEntries(spec, state, formsAfter(spec, state, blocks), fuse, copy));
}

/** The forms of the blocks once those of that name are fused. */
function formsAfter(spec: RepVggSpec, state: ReadonlyMap<string, NdArray>, names?: readonly string[]): Forms {
  if (!names) return "deploy";
  const { blocks } = layerPlan(spec, [1, 1]);
  const known = blocks.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, known);
    throw new RepvggError("E_USAGE", `There is no block "${unknown}" to fuse. Did you mean ${nearest}?`);
  }
  return known.map((name) => (names.includes(name) || state.has(`${name}.rbr_reparam.weight`) ? "deploy" : "train"));
}

/** An array of {@link fuseState64}. */
export interface NdArray64 {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** {@link fuseState} before rounding: what fusion changes when nothing is rounded. */
export function fuseState64(spec: RepVggSpec, state: ReadonlyMap<string, NdArray>): Map<string, NdArray64> {
  const fuse = (block: BlockPlan) => {
    const { kernel, bias } = fuseBlock64(block, state);
    return {
      kernel: { shape: [3, 3, block.inChannels / block.groups, block.outChannels], data: kernel },
      bias: { shape: [block.outChannels], data: bias },
    };
  };
  return new Map(fusedEntries<NdArray64>(spec, state, "deploy", fuse, (array) => array));
}

function* fusedEntries<A>(
  spec: RepVggSpec,
  state: ReadonlyMap<string, NdArray>,
  forms: Forms,
  fuse: (block: BlockPlan) => { kernel: A; bias: A },
  copy: (array: NdArray) => A,
): Generator<[string, A]> {
  for (const { name, shape, role, block } of stateLayout(layerPlan(spec, [1, 1]), forms)) {
    const isConvolution = block !== undefined && name.startsWith(`${block.name}.rbr_reparam.`);
    if (!isConvolution || state.has(`${block.name}.rbr_reparam.weight`)) {
      const value = stateValue(state, name);
      if (!sameShape(value.shape, shape)) throw new ShapeError(name, `[${shape.join(", ")}]`, value.shape);
      yield [name, copy(value)];
    } else if (role === "kernel") {
      const { kernel, bias } = fuse(block);
      yield [name, kernel];
      yield [`${block.name}.rbr_reparam.bias`, bias];
    }
  }
}
