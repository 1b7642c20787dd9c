import { type ImageLayout, paddedLayout } from "../layouts.ts";
import type { TestMemory } from "./test-engine.ts";

/** `[N, H, W, C]`. */
export type Shape = readonly [images: number, height: number, width: number, channels: number];

export const sizeOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

/** A zero-bordered image layout, with `values` (dense) inside. */
export function paddedImages(memory: TestMemory, shape: Shape, values?: Float32Array): ImageLayout {
  const layout = paddedLayout((bytes) => memory.allocate(bytes), shape);
  if (values) {
    const floats = new Float32Array(memory.buffer);
    forEachPixel(layout, (address, pixel) => {
      floats.set(values.subarray(pixel * layout.channels, (pixel + 1) * layout.channels), address / 4);
    });
  }
  return layout;
}

/** The whole of a layout, borders included, as a region. */
export function wholeOf(layout: ImageLayout): readonly [number, number] {
  const corner = layout.origin - layout.rowBytes - layout.channels * 4;
  return [corner, (layout.images * layout.imageBytes) / 4];
}

/** What {@link wholeOf} reads where dense `values` are inside and zeros around. */
export function withBorder(layout: ImageLayout, values: ArrayLike<number>): Float64Array {
  const [corner, length] = wholeOf(layout);
  const whole = new Float64Array(length);
  forEachPixel(layout, (address, pixel) => {
    for (let c = 0; c < layout.channels; c++) whole[(address - corner) / 4 + c] = values[pixel * layout.channels + c]!;
  });
  return whole;
}

function forEachPixel(layout: ImageLayout, visit: (address: number, pixel: number) => void): void {
  let pixel = 0;
  for (let n = 0; n < layout.images; n++) {
    for (let y = 0; y < layout.height; y++) {
      for (let x = 0; x < layout.width; x++) {
        visit(layout.origin + n * layout.imageBytes + y * layout.rowBytes + x * layout.channels * 4, pixel++);
      }
    }
  }
}

/** Row by row, the float64 values of a 3×3 convolution of padding 1; weights `[3, 3, ci, co]`. */
export function convolution3x3(
  x: Float32Array,
  [N, H, W, C]: Shape,
  weights: Float32Array,
  co: number,
  stride = 1,
): Float64Array {
  const [OH, OW] = [Math.ceil(H / stride), Math.ceil(W / stride)];
  const y = new Float64Array(N * OH * OW * co);
  forEachProduct([N, H, W, C], stride, (out, input, tap) => {
    for (let c = 0; c < C; c++) {
      for (let o = 0; o < co; o++) y[out * co + o]! += x[input * C + c]! * weights[(tap * C + c) * co + o]!;
    }
  });
  return y;
}

/** The gradient `[3, 3, ci, co]` of the weights of {@link convolution3x3}. */
export function kernelGradient3x3(
  x: Float32Array,
  [N, H, W, C]: Shape,
  dy: Float32Array,
  co: number,
  stride = 1,
): Float64Array {
  const gradient = new Float64Array(9 * C * co);
  forEachProduct([N, H, W, C], stride, (out, input, tap) => {
    for (let c = 0; c < C; c++) {
      for (let o = 0; o < co; o++) gradient[(tap * C + c) * co + o]! += x[input * C + c]! * dy[out * co + o]!;
    }
  });
  return gradient;
}

function forEachProduct(
  [N, H, W]: Shape,
  stride: number,
  visit: (out: number, input: number, tap: number) => void,
): void {
  const [OH, OW] = [Math.ceil(H / stride), Math.ceil(W / stride)];
  for (let n = 0; n < N; n++) {
    for (let oy = 0; oy < OH; oy++) {
      for (let ox = 0; ox < OW; ox++) {
        for (let tap = 0; tap < 9; tap++) {
          const y = oy * stride + Math.floor(tap / 3) - 1;
          const x = ox * stride + (tap % 3) - 1;
          if (y >= 0 && y < H && x >= 0 && x < W) visit((n * OH + oy) * OW + ox, (n * H + y) * W + x, tap);
        }
      }
    }
  }
}

/** HWIO weights `[taps, ci, co]` in panels: `[co/16][ci][taps][16]` for Winograd, else `[co/16][taps][ci][16]`. */
export function panelWeights<T extends Float32Array | Float64Array>(
  weights: T,
  taps: number,
  ci: number,
  co: number,
  tapsInside: boolean,
): T {
  const panelled = weights.slice() as T;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < ci; c++) {
      for (let o = 0; o < co; o++) {
        const inner = tapsInside ? c * taps + tap : tap * ci + c;
        panelled[((o >> 4) * ci * taps + inner) * 16 + (o % 16)] = weights[(tap * ci + c) * co + o]!;
      }
    }
  }
  return panelled;
}

/** Grouped weights `[taps, ci / groups, co]` as dense ones, `[taps, ci, co]`, with zeros between the groups. */
export function blockDiagonal(weights: Float32Array, taps: number, ci: number, co: number, groups: number) {
  const dense = new Float32Array(taps * ci * co);
  forEachInGroup(taps, ci, co, groups, (grouped, index) => {
    dense[index] = weights[grouped]!;
  });
  return dense;
}

/** The reverse of {@link blockDiagonal}, which leaves out what is between the groups. */
export function withinGroups(dense: Float64Array, taps: number, ci: number, co: number, groups: number) {
  const weights = new Float64Array(dense.length / groups);
  forEachInGroup(taps, ci, co, groups, (grouped, index) => {
    weights[grouped] = dense[index]!;
  });
  return weights;
}

function forEachInGroup(
  taps: number,
  ci: number,
  co: number,
  groups: number,
  visit: (grouped: number, dense: number) => void,
): void {
  const slice = ci / groups;
  for (let i = 0; i < taps * slice; i++) {
    for (let o = 0; o < co; o++) {
      const c = Math.floor((o * groups) / co) * slice + (i % slice);
      visit(i * co + o, (Math.floor(i / slice) * ci + c) * co + o);
    }
  }
}
