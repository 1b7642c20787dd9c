import { type State64, type Tensor64, tensor64 } from "./tensor64.ts";

/** What the backward pass of a squeeze-and-excitation needs. */
export interface SqueezeTape {
  readonly pooled: Tensor64; // [N, 1, 1, C]
  readonly squeezed: Tensor64; // [N, 1, 1, S], before the ReLU
  readonly hidden: Tensor64; // [N, 1, 1, S], after it
  readonly scale: Tensor64; // [N, 1, 1, C], after the sigmoid
}

/** Mean over the pixels of each image. */
export function globalPool64(x: Tensor64): Tensor64 {
  const [n, h, w, c] = x.shape;
  const y = tensor64([n, 1, 1, c]);
  x.data.forEach((value, i) => {
    y.data[Math.floor(i / (h * w * c)) * c + (i % c)]! += value / (h * w);
  });
  return y;
}

/** Rows times a matrix `[in, out]` (or a 1×1 kernel `[1, 1, in, out]`), and a bias. */
export function linear64(x: Tensor64, state: State64, prefix: string): Tensor64 {
  const matrix = state.get(`${prefix}.weight`)!;
  const bias = state.get(`${prefix}.bias`)!;
  const [inputs, outputs] = [matrix.shape.at(-2)!, matrix.shape.at(-1)!];
  const y = tensor64([x.shape[0], 1, 1, outputs]);
  for (let n = 0; n < x.shape[0]; n++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias.data[o]!;
      for (let i = 0; i < inputs; i++) sum += x.data[n * inputs + i]! * matrix.data[i * outputs + o]!;
      y.data[n * outputs + o] = sum;
    }
  }
  return y;
}

/** Gradients of {@link linear64}: writes those of the parameters into `gradients`, returns that of the input. */
export function linearGradients64(
  x: Tensor64,
  state: State64,
  prefix: string,
  dy: Tensor64,
  gradients: Map<string, Float64Array>,
): Tensor64 {
  const matrix = state.get(`${prefix}.weight`)!;
  const [inputs, outputs] = [matrix.shape.at(-2)!, matrix.shape.at(-1)!];
  const dMatrix = new Float64Array(matrix.data.length);
  const dBias = new Float64Array(outputs);
  const dx = tensor64([x.shape[0], 1, 1, inputs]);
  for (let n = 0; n < x.shape[0]; n++) {
    for (let o = 0; o < outputs; o++) {
      const g = dy.data[n * outputs + o]!;
      dBias[o]! += g;
      for (let i = 0; i < inputs; i++) {
        dMatrix[i * outputs + o]! += g * x.data[n * inputs + i]!;
        dx.data[n * inputs + i]! += g * matrix.data[i * outputs + o]!;
      }
    }
  }
  gradients.set(`${prefix}.weight`, dMatrix).set(`${prefix}.bias`, dBias);
  return dx;
}

const imageAndChannel = ([, h, w, c]: Tensor64["shape"], i: number) => Math.floor(i / (h * w * c)) * c + (i % c);

/** `x · sigmoid(up(relu(down(pool(x)))))`. */
export function squeeze64(x: Tensor64, state: State64, prefix: string): { y: Tensor64; tape: SqueezeTape } {
  const pooled = globalPool64(x);
  const squeezed = linear64(pooled, state, `${prefix}.down`);
  const hidden = { shape: squeezed.shape, data: squeezed.data.map((v) => Math.max(v, 0)) };
  const excited = linear64(hidden, state, `${prefix}.up`);
  const scale = { shape: excited.shape, data: excited.data.map((v) => 1 / (1 + Math.exp(-v))) };
  const data = x.data.map((value, i) => value * scale.data[imageAndChannel(x.shape, i)]!);
  return { y: { shape: x.shape, data }, tape: { pooled, squeezed, hidden, scale } };
}

/** Gradient of {@link squeeze64} with respect to its input `x`; those of its parameters go into `gradients`. */
export function squeezeGradients64(
  x: Tensor64,
  state: State64,
  prefix: string,
  { pooled, hidden, scale }: SqueezeTape,
  dy: Tensor64,
  gradients: Map<string, Float64Array>,
): Tensor64 {
  const [, h, w] = x.shape;
  const dExcited = tensor64(scale.shape);
  dy.data.forEach((g, i) => {
    dExcited.data[imageAndChannel(x.shape, i)]! += g * x.data[i]!;
  });
  dExcited.data.forEach((g, i) => {
    dExcited.data[i] = g * scale.data[i]! * (1 - scale.data[i]!);
  });
  const dHidden = linearGradients64(hidden, state, `${prefix}.up`, dExcited, gradients);
  const dSqueezed = { shape: dHidden.shape, data: dHidden.data.map((g, i) => (hidden.data[i]! > 0 ? g : 0)) };
  const dPooled = linearGradients64(pooled, state, `${prefix}.down`, dSqueezed, gradients);
  const data = dy.data.map((g, i) => {
    const at = imageAndChannel(x.shape, i);
    return g * scale.data[at]! + dPooled.data[at]! / (h * w);
  });
  return { shape: x.shape, data };
}
