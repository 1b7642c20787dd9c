import { type Array64, type Tensor64, tensor64 } from "./tensor64.ts";

export interface ConvGeometry {
  readonly stride: number;
  readonly groups: number;
}

/**
 * Calls `visit` for every product of a convolution of odd size with padding (k − 1)/2: the offsets of the input pixel, the output
 * pixel and the tap.
 */
function forEachTap(
  input: Tensor64["shape"],
  output: Tensor64["shape"],
  size: number,
  stride: number,
  visit: (x: number, y: number, tap: number) => void,
): void {
  const [n, h, w, ci] = input;
  const [, oh, ow, co] = output;
  const pad = (size - 1) / 2;
  for (let b = 0; b < n; b++) {
    for (let oy = 0; oy < oh; oy++) {
      for (let ox = 0; ox < ow; ox++) {
        const y = ((b * oh + oy) * ow + ox) * co;
        for (let ky = 0; ky < size; ky++) {
          const iy = oy * stride + ky - pad;
          if (iy < 0 || iy >= h) continue;
          for (let kx = 0; kx < size; kx++) {
            const ix = ox * stride + kx - pad;
            if (ix >= 0 && ix < w) visit(((b * h + iy) * w + ix) * ci, y, ky * size + kx);
          }
        }
      }
    }
  }
}

/** Calls `visit(i, iInGroup, o)` for every pair of channels that a grouped convolution connects. */
function forEachPair(ci: number, co: number, groups: number, visit: (i: number, inGroup: number, o: number) => void) {
  const [inputs, outputs] = [ci / groups, co / groups];
  for (let g = 0; g < groups; g++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) visit(g * inputs + i, i, g * outputs + o);
    }
  }
}

function outputShape(x: Tensor64, kernel: Array64, stride: number): Tensor64["shape"] {
  const [n, h, w] = x.shape;
  return [n, Math.ceil(h / stride), Math.ceil(w / stride), kernel.shape[3]!];
}

/** Grouped convolution, padding (k − 1)/2. `kernel` `[k, k, I/groups, O]`. */
export function conv64(x: Tensor64, kernel: Array64, { stride, groups }: ConvGeometry): Tensor64 {
  const y = tensor64(outputShape(x, kernel, stride));
  const [size, perGroup, co] = [kernel.shape[0]!, kernel.shape[2]!, kernel.shape[3]!];
  forEachTap(x.shape, y.shape, size, stride, (px, py, tap) => {
    forEachPair(x.shape[3], co, groups, (i, inGroup, o) => {
      y.data[py + o]! += x.data[px + i]! * kernel.data[(tap * perGroup + inGroup) * co + o]!;
    });
  });
  return y;
}

/** Gradients of {@link conv64} with respect to its input and its kernel. */
export function convGradients64(
  x: Tensor64,
  kernel: Array64,
  { stride, groups }: ConvGeometry,
  dy: Tensor64,
): { dx: Tensor64; dKernel: Float64Array } {
  const dx = tensor64(x.shape);
  const dKernel = new Float64Array(kernel.data.length);
  const [size, perGroup, co] = [kernel.shape[0]!, kernel.shape[2]!, kernel.shape[3]!];
  forEachTap(x.shape, dy.shape, size, stride, (px, py, tap) => {
    forEachPair(x.shape[3], co, groups, (i, inGroup, o) => {
      const k = (tap * perGroup + inGroup) * co + o;
      const g = dy.data[py + o]!;
      dx.data[px + i]! += g * kernel.data[k]!;
      dKernel[k]! += g * x.data[px + i]!;
    });
  });
  return { dx, dKernel };
}
