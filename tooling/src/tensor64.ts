/** Activations in float64, NHWC. */
export interface Tensor64 {
  readonly shape: readonly [n: number, h: number, w: number, c: number];
  readonly data: Float64Array;
}

/** What the reference accepts as a parameter: float32 as stored, or float64 before rounding. HWIO kernels. */
export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

export type State64 = ReadonlyMap<string, Array64>;

export function tensor64(shape: Tensor64["shape"], data?: ArrayLike<number>): Tensor64 {
  const size = shape.reduce((product, n) => product * n, 1);
  return { shape, data: data ? Float64Array.from(data) : new Float64Array(size) };
}

export function map64(x: Tensor64, f: (value: number, index: number) => number): Tensor64 {
  return { shape: x.shape, data: x.data.map(f) };
}

export function add64(...terms: readonly Tensor64[]): Tensor64 {
  return map64(terms[0]!, (_, i) => terms.reduce((sum, term) => sum + term.data[i]!, 0));
}

/** Adds a vector to every pixel. */
export function addBias64(x: Tensor64, bias: Array64): Tensor64 {
  const channels = x.shape[3];
  return map64(x, (value, i) => value + bias.data[i % channels]!);
}

/** Sums over everything but the channels. */
export function sumPerChannel(x: Tensor64): Float64Array {
  const channels = x.shape[3];
  const sum = new Float64Array(channels);
  for (let i = 0; i < x.data.length; i++) sum[i % channels]! += x.data[i]!;
  return sum;
}
