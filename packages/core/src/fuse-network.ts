import { RepvggError, ShapeError } from "./errors.ts";
import { fuseBias, fuseBias64, fusedTaps64, fuseKernel, TAPS } from "./fuse-block.ts";
import { type BlockPlan, layerPlan } from "./layer-plan.ts";
import { type LazyArray, LazyState } from "./lazy-state.ts";
import { type NdArray, sameShape } from "./nd-array.ts";
import { nearestName } from "./nearest-name.ts";
import type { Forms, RepVggSpec } from "./spec.ts";
import { type StateDict, stateValue } from "./state-dict.ts";
import { type StateEntry, stateLayout } from "./state-layout.ts";

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
  const fused: StateDict = new Map();
  for (const [{ name, shape }, of] of fusedEntries(spec, state, formsAfter(spec, state, blocks))) {
    const data = of ? fusedPart(of, state) : stateValue(state, name).data.slice();
    fused.set(name, { shape: [...shape], data });
  }
  return fused;
}

/**
 * {@link fuseState}, each array fused when its data are asked for, and then anew: a large network need not be in memory as a whole. What
 * is not fused is shared.
 *
 * @param state Borrowed as long as the result is used.
 * @throws {RepvggError} as {@link fuseState}; the arrays, `E_SHAPE`.
 */
export function fuseStateLazily(
  spec: RepVggSpec,
  state: ReadonlyMap<string, NdArray>,
  blocks?: readonly string[],
): ReadonlyMap<string, NdArray> {
  const arrays = new Map<string, LazyArray>();
  for (const [{ name, shape }, of] of fusedEntries(spec, state, formsAfter(spec, state, blocks))) {
    const make = () => (of ? fusedPart(of, state) : stateValue(state, name).data);
    arrays.set(name, { shape, make });
  }
  return new LazyState(arrays);
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
  const fused = new Map<string, NdArray64>();
  for (const [{ name, shape }, of] of fusedEntries(spec, state, "deploy")) {
    const data = of ? fusedPart64(of, state) : stateValue(state, name).data;
    fused.set(name, { shape, data });
  }
  return fused;
}

/** What an array of a fused state is made of. */
interface Fused {
  readonly block: BlockPlan;
  readonly part: "kernel" | "bias";
}

const fusedPart = ({ block, part }: Fused, state: ReadonlyMap<string, NdArray>): Float32Array =>
  (part === "kernel" ? fuseKernel(block, state) : fuseBias(block, state)).data;

function fusedPart64({ block, part }: Fused, state: ReadonlyMap<string, NdArray>): Float64Array {
  if (part === "bias") return fuseBias64(block, state);
  const taps = Array.from({ length: TAPS }, (_, t) => t).map(fusedTaps64(block, state));
  const kernel = new Float64Array(TAPS * taps[0]!.length);
  taps.forEach((tap, t) => {
    kernel.set(tap, t * tap.length);
  });
  return kernel;
}

/**
 * The entries of a state after fusing, each with what is fused for it, undefined where it is the state's own.
 *
 * @throws {RepvggError} `E_STATE` or `E_SHAPE`: what it needs of the state is missing or does not fit.
 */
function* fusedEntries(
  spec: RepVggSpec,
  state: ReadonlyMap<string, NdArray>,
  forms: Forms,
): Generator<[StateEntry, Fused | undefined]> {
  const plan = layerPlan(spec, [1, 1]);
  const branches = new Map(plan.blocks.map(({ name }) => [name, [] as StateEntry[]]));
  for (const source of stateLayout(plan, "train").filter(isOfBranch)) branches.get(source.block!.name)!.push(source);
  for (const entry of stateLayout(plan, forms)) {
    const { name, shape, role, block } = entry;
    const isConvolution = block !== undefined && name.startsWith(`${block.name}.rbr_reparam.`);
    if (!isConvolution || state.has(`${block.name}.rbr_reparam.weight`)) {
      checkShape(state, name, shape);
      yield [entry, undefined];
    } else {
      for (const source of branches.get(block.name)!) checkShape(state, source.name, source.shape);
      yield [entry, { block, part: role === "kernel" ? "kernel" : "bias" }];
    }
  }
}

/** What fusing a block needs. */
const isOfBranch = ({ name, role }: StateEntry) => name.includes(".rbr_") && role !== "numBatchesTracked";

function checkShape(state: ReadonlyMap<string, NdArray>, name: string, shape: readonly number[]): void {
  const value = stateValue(state, name);
  if (!sameShape(value.shape, shape)) throw new ShapeError(name, `[${shape.join(", ")}]`, value.shape);
}
