import { type Images, type NdArray, RepvggError, sizeOf, zeros } from "@repvgg/core";

/**
 * An array in the layout of PyTorch's files: kernels HWIO → OIHW, matrices [in, out] → [out, in], everything else as it is.
 *
 * @returns A new array, or `array` itself where nothing changes.
 */
export function toFileLayout(array: NdArray): NdArray {
  if (array.shape.length === 4) return transpose(array, [3, 2, 0, 1]);
  return array.shape.length === 2 ? transpose(array, [1, 0]) : array;
}

/** The shape of {@link toFileLayout}. */
export function fileShape(shape: readonly number[]): readonly number[] {
  if (shape.length === 4) return [3, 2, 0, 1].map((axis) => shape[axis]!);
  return shape.length === 2 ? shape.toReversed() : shape;
}

/** The inverse of {@link fileShape}. */
export function memoryShape(shape: readonly number[]): readonly number[] {
  if (shape.length === 4) return [2, 3, 1, 0].map((axis) => shape[axis]!);
  return shape.length === 2 ? shape.toReversed() : shape;
}

/** The inverse of {@link toFileLayout}: kernels OIHW → HWIO, matrices [out, in] → [in, out]. */
export function fromFileLayout(array: NdArray): NdArray {
  if (array.shape.length !== 4 && array.shape.length !== 2) return array;
  const data = new Float32Array(array.data.length);
  putOutputs(data, array.shape, 0, array.data);
  return { shape: memoryShape(array.shape), data };
}

/** Output channels that are moved together, so that what was read is still in the cache for the next position. */
const TOGETHER = 64;

/**
 * Puts output channels into a kernel or matrix in memory layout, as `transpose` would, at the speed at which checkpoints of hundreds of
 * megabytes should load.
 *
 * @param shape In files: `[O, I, height, width]` or `[O, I]`.
 * @param first The first of the output channels.
 * @param data Theirs, in the layout of files.
 */
export function putOutputs(target: Float32Array, shape: readonly number[], first: number, data: Float32Array): void {
  const [O, I, height = 1, width = 1] = shape as [number, number, number?, number?];
  const area = height * width;
  const count = data.length / (I * area);
  for (let start = 0; start < count; start += TOGETHER) {
    const together = Math.min(TOGETHER, count - start);
    const from = start * I * area;
    for (let i = 0; i < I; i++)
      for (let k = 0; k < area; k++)
        copyStrided(data, from + i * area + k, I * area, target, (k * I + i) * O + first + start, together);
  }
}

/** A function of its own, as V8 compiles in full only what is called often. */
function copyStrided(
  source: Float32Array,
  start: number,
  step: number,
  target: Float32Array,
  to: number,
  count: number,
): void {
  let from = start;
  for (let i = 0; i < count; i++) {
    target[to + i] = source[from]!;
    from += step;
  }
}

/** Images as PyTorch has them, `[N, C, H, W]`. @throws {RepvggError} `E_SHAPE`: not four axes. */
export function nhwcToNchw(images: NdArray): NdArray {
  return transpose(images, [0, 3, 1, 2]);
}

/** Images from PyTorch, `[N, C, H, W]`, as this project has them. @throws {RepvggError} `E_SHAPE`: not four axes. */
export function nchwToNhwc(images: NdArray): Images {
  return transpose(images, [0, 2, 3, 1]) as Images;
}

/**
 * Reorders axes: axis `i` of the result is axis `order[i]` of `array`.
 *
 * @returns A new array.
 * @throws {RepvggError} `E_SHAPE`: `order` is no permutation of the axes.
 */
export function transpose(array: NdArray, order: readonly number[]): NdArray {
  const rank = array.shape.length;
  if (order.length !== rank || order.toSorted().some((axis, i) => axis !== i)) {
    throw new RepvggError(
      "E_SHAPE",
      `Axes [${order.join(", ")}] are no order of the axes of [${array.shape.join(", ")}].`,
    );
  }
  const strides = array.shape.map((_, axis) => sizeOf(array.shape.slice(axis + 1)));
  const shape = order.map((axis) => array.shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const result = zeros(shape);
  let at = 0;
  const walk = (axis: number, from: number): void => {
    const length = shape[axis]!;
    const step = steps[axis]!;
    if (axis < rank - 1) {
      for (let i = 0; i < length; i++) walk(axis + 1, from + i * step);
    } else {
      for (let i = 0; i < length; i++) result.data[at++] = array.data[from + i * step]!;
    }
  };
  if (rank === 0) result.data.set(array.data);
  else walk(0, 0);
  return result;
}
