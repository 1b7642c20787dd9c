import { ShapeError } from "./errors.ts";

/** A dense float32 array in row-major order. The labels in `S` are its axis names. */
export interface NdArray<S extends readonly number[] = readonly number[]> {
  readonly shape: S;
  readonly data: Float32Array;
}

/** A batch of images or activations, NHWC. */
export type Images = NdArray<readonly [N: number, H: number, W: number, C: number]>;
/** Convolution kernel, HWIO: `I` is counted per group. */
export type Kernel = NdArray<readonly [kh: number, kw: number, I: number, O: number]>;
export type PerChannel = NdArray<readonly [C: number]>;
/** One row of logits an image. */
export type Logits = NdArray<readonly [N: number, C: number]>;

/** Number of elements of an array of this shape; 1 for the scalar shape `[]`. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/**
 * An array over `data`, which is kept, not copied.
 *
 * @throws {ShapeError} `data` does not have exactly as many elements as the shape.
 */
export function ndArray<const S extends readonly number[]>(shape: S, data: Float32Array): NdArray<S> {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`An array of ${data.length} elements`, `with ${data.length} elements`, shape);
  }
  return { shape, data };
}

/** An array of zeros. */
export function zeros<const S extends readonly number[]>(shape: S): NdArray<S> {
  return { shape, data: new Float32Array(sizeOf(shape)) };
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
