import type { LogitsOf } from "./compare-logits.ts";
import { type Activations64, convolve64 } from "./convolve64.ts";
import { ShapeError } from "./errors.ts";
import { affine64, type BatchNormState, batchNormOf } from "./fuse-conv-bn.ts";
import type { BlockPlan, LayerPlan } from "./layer-plan.ts";
import { type Images, type NdArray, sizeOf } from "./nd-array.ts";
import { BATCH_NORM } from "./network.ts";
import { stateValue } from "./state-dict.ts";
import { squeezePrefix } from "./state-layout.ts";

export interface Predict64Options {
  /**
   * What batch normalizations subtract and divide by: what training collected, as in inference, or the statistics of the given
   * images, as a network does that was left in training mode.
   * @default "running"
   */
  readonly statistics?: "running" | "batch";
}

/**
 * The answers of a network in float64: what is left of a difference here is in the weights, not in the rounding of a device.
 *
 * Weights are asked for block by block, each once: of a state that reads them from a file, few are in memory at a time. About 10⁹
 * multiplications a second.
 *
 * @param plan Of images of this size.
 * @param state Of train or deploy form, or partly fused.
 * @param images `[N, H, W, inputChannels]`, normalised.
 * @throws {RepvggError} `E_STATE`: an entry is missing; `E_SHAPE`: the images are not those of the plan.
 */
export function predict64(
  plan: LayerPlan,
  state: ReadonlyMap<string, NdArray>,
  images: Images,
  { statistics = "running" }: Predict64Options = {},
): LogitsOf {
  const { inputSize, spec } = plan;
  if (String(images.shape.slice(1)) !== String([...inputSize, spec.inputChannels])) {
    throw new ShapeError("images", `[N, ${[...inputSize, spec.inputChannels].join(", ")}]`, images.shape);
  }
  const normalize = statistics === "running" ? runningNormalize : batchNormalize;
  let x: Activations64 = { shape: images.shape, data: Float64Array.from(images.data) };
  for (const block of plan.blocks) {
    const squeeze = block.squeezeChannels > 0 ? `${block.name}.${squeezePrefix(spec)}` : undefined;
    const sum = convolutions(block, state, x, normalize);
    if (spec.squeezeExcitation === "before-relu" && squeeze) excite(sum, state, squeeze);
    relu(sum.data);
    if (spec.squeezeExcitation === "after-relu" && squeeze) excite(sum, state, squeeze);
    x = sum;
  }
  const pooled = pool(x);
  const weight = stateValue(state, "linear.weight");
  const logits = convolve64(pooled, { shape: [1, 1, ...weight.shape], data: weight.data }, { stride: 1, groups: 1 });
  addBias(logits, stateValue(state, "linear.bias"));
  return { shape: [images.shape[0], spec.numClasses], data: logits.data };
}

type Normalize = (x: Activations64, bn: BatchNormState) => void;

/** The block before its ReLU, in whichever form it is. */
function convolutions(
  block: BlockPlan,
  state: ReadonlyMap<string, NdArray>,
  x: Activations64,
  normalize: Normalize,
): Activations64 {
  const { name } = block;
  const convolve = (branch: string) => convolve64(x, stateValue(state, `${name}.${branch}.weight`), block);
  if (state.has(`${name}.rbr_reparam.weight`)) {
    const y = convolve("rbr_reparam");
    addBias(y, stateValue(state, `${name}.rbr_reparam.bias`));
    return y;
  }
  const sum = convolve("rbr_dense.conv");
  normalize(sum, batchNormOf(state, `${name}.rbr_dense.bn`));
  const pointwise = convolve("rbr_1x1.conv");
  normalize(pointwise, batchNormOf(state, `${name}.rbr_1x1.bn`));
  add(sum.data, pointwise.data);
  if (block.identity) {
    const identity: Activations64 = { shape: x.shape, data: x.data.slice() };
    normalize(identity, batchNormOf(state, `${name}.rbr_identity`));
    add(sum.data, identity.data);
  }
  return sum;
}

function runningNormalize({ shape, data }: Activations64, bn: BatchNormState): void {
  const channels = shape[3];
  const { scale, shift } = affine64(bn, channels);
  for (let i = 0; i < data.length; i += channels) {
    for (let c = 0; c < channels; c++) data[i + c] = data[i + c]! * scale[c]! + shift[c]!;
  }
}

function batchNormalize({ shape, data }: Activations64, { gamma, beta }: BatchNormState): void {
  const channels = shape[3];
  const count = data.length / channels;
  for (let c = 0; c < channels; c++) {
    let [sum, squares] = [0, 0];
    for (let i = c; i < data.length; i += channels) sum += data[i]!;
    const mean = sum / count;
    for (let i = c; i < data.length; i += channels) squares += (data[i]! - mean) ** 2;
    const scale = gamma.data[c]! / Math.sqrt(squares / count + BATCH_NORM.epsilon);
    for (let i = c; i < data.length; i += channels) data[i] = (data[i]! - mean) * scale + beta.data[c]!;
  }
}

/** `x ← x · sigmoid(up(relu(down(pool(x)))))` of each image and channel. */
function excite(x: Activations64, state: ReadonlyMap<string, NdArray>, prefix: string): void {
  const layer = (name: string, input: Activations64) => {
    const y = convolve64(input, stateValue(state, `${prefix}.${name}.weight`), { stride: 1, groups: 1 });
    addBias(y, stateValue(state, `${prefix}.${name}.bias`));
    return y;
  };
  const squeezed = layer("down", pool(x));
  relu(squeezed.data);
  const { data: gates } = layer("up", squeezed);
  const [, H, W, C] = x.shape;
  for (let i = 0; i < x.data.length; i++) {
    const image = Math.floor(i / (H * W * C));
    x.data[i]! /= 1 + Math.exp(-gates[image * C + (i % C)]!);
  }
}

/** Means over the pixels, `[N, 1, 1, C]`. */
function pool({ shape, data }: Activations64): Activations64 {
  const [N, H, W, C] = shape;
  const means = new Float64Array(N * C);
  for (let i = 0; i < data.length; i++) means[Math.floor(i / (H * W * C)) * C + (i % C)]! += data[i]!;
  return { shape: [N, 1, 1, C], data: means.map((sum) => sum / (H * W)) };
}

function addBias({ data }: Activations64, bias: NdArray): void {
  const channels = sizeOf(bias.shape);
  for (let i = 0; i < data.length; i++) data[i]! += bias.data[i % channels]!;
}

function add(sum: Float64Array, term: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += term[i]!;
}

function relu(data: Float64Array): void {
  for (let i = 0; i < data.length; i++) if (data[i]! < 0) data[i] = 0;
}
