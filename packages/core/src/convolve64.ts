import type { BlockPlan } from "./layer-plan.ts";
import type { NdArray } from "./nd-array.ts";

/** Activations in float64, NHWC. */
export interface Activations64 {
  readonly shape: readonly [N: number, H: number, W: number, C: number];
  readonly data: Float64Array;
}

/** Products that are added to a row of outputs in one go, so that it is loaded and stored once for all of them. */
const TOGETHER = 4;

/**
 * Convolves in float64, with padding (k − 1)/2 and no bias.
 *
 * Each row of outputs is a matrix product of its windows, laid out side by side, with the kernel: plain loops that V8 compiles well.
 *
 * @param x `[N, H, W, I]`.
 * @param kernel `[k, k, I/groups, O]`, k odd.
 * @returns `[N, ⌈H/stride⌉, ⌈W/stride⌉, O]`, newly allocated.
 */
export function convolve64(
  x: Activations64,
  kernel: NdArray,
  { stride, groups }: Pick<BlockPlan, "stride" | "groups">,
): Activations64 {
  const [N, H, W] = x.shape;
  const [size, , inputs, O] = kernel.shape as [number, number, number, number];
  const [height, width] = [Math.ceil(H / stride), Math.ceil(W / stride)];
  const outputs = O / groups;
  const depth = size * size * inputs;
  const windows = new Float64Array(width * depth);
  const data = new Float64Array(N * height * width * O);
  for (let row = 0; row < N * height; row++) {
    for (let group = 0; group < groups; group++) {
      fillWindows(windows, x, { row, height, width, size, stride, first: group * inputs, inputs });
      for (let column = 0; column < width; column++) {
        const y = (row * width + column) * O + group * outputs;
        addProduct(data.subarray(y, y + outputs), windows, column * depth, depth, kernel.data, group * outputs, O);
      }
    }
  }
  return { shape: [N, height, width, O], data };
}

interface Windows {
  /** Of all images: `n · height + y`. */
  readonly row: number;
  readonly height: number;
  readonly width: number;
  readonly size: number;
  readonly stride: number;
  readonly first: number;
  readonly inputs: number;
}

/** The windows of a row of outputs, `[width, k, k, inputs]`, zeros beyond the border. */
function fillWindows(windows: Float64Array, { shape, data }: Activations64, of: Windows): void {
  const [, H, W, C] = shape;
  const { size, stride, first, inputs } = of;
  const padding = (size - 1) / 2;
  const image = Math.floor(of.row / of.height) * H;
  const top = (of.row % of.height) * stride - padding;
  windows.fill(0);
  let to = 0;
  for (let column = 0; column < of.width; column++) {
    for (let ky = 0; ky < size; ky++) {
      for (let kx = 0; kx < size; kx++, to += inputs) {
        const [y, x] = [top + ky, column * stride + kx - padding];
        if (y < 0 || y >= H || x < 0 || x >= W) continue;
        const from = ((image + y) * W + x) * C + first;
        for (let i = 0; i < inputs; i++) windows[to + i] = data[from + i]!;
      }
    }
  }
}

/** `y += window · kernel[:, first … first + y.length]`, the kernel's rows being `stride` long. */
function addProduct(
  y: Float64Array,
  windows: Float64Array,
  window: number,
  depth: number,
  kernel: Float32Array,
  first: number,
  stride: number,
): void {
  const whole = depth - (depth % TOGETHER);
  for (let k = 0; k < whole; k += TOGETHER) {
    const a = windows[window + k]!;
    const b = windows[window + k + 1]!;
    const c = windows[window + k + 2]!;
    const d = windows[window + k + 3]!;
    let w = first + k * stride;
    for (let o = 0; o < y.length; o++, w++) {
      y[o]! += a * kernel[w]! + b * kernel[w + stride]! + c * kernel[w + 2 * stride]! + d * kernel[w + 3 * stride]!;
    }
  }
  for (let k = whole; k < depth; k++) {
    const a = windows[window + k]!;
    for (let o = 0; o < y.length; o++) y[o]! += a * kernel[first + k * stride + o]!;
  }
}
