import { PANEL_BYTES } from "./gemm.kernel.ts";
import type { Variant } from "./variant.ts";
import {
  type FunctionBuilder,
  f32x4,
  type Int,
  i32,
  type Kernel,
  kernel,
  loadAll,
  range,
  storeAll,
  update,
  VECTOR_BYTES,
  type Vector,
  v128,
} from "./wasm-builder.ts";

const PANEL_VECTORS = PANEL_BYTES / VECTOR_BYTES;

/** dy where y > 0: the gradient before a ReLU. */
export const masked = (dy: Vector, y: Vector) => v128.and(dy, f32x4.greater(y, f32x4.zero()));

/** Adds sums in registers to those in memory. */
export function addTo(f: FunctionBuilder, target: Int, sums: readonly Vector[], offset = 0): void {
  const totals = sums.map((sum, j) => f32x4.add(sum, v128.load(target, offset + j * VECTOR_BYTES)));
  storeAll(f, target, totals, offset);
}

/** Adds to the sums of one panel: sums (+)= Σ (x − shift), squares (+)= Σ (x − shift)² over adjacent pixels. */
export function shiftedSumsKernel({ fused }: Variant): Kernel {
  const parameters = ["x", "pixels", "pixelBytes", "shift", "sums", "squares"] as const;
  return kernel("shiftedSums", parameters, (f, [x, pixels, pixelBytes, shift, sums, squares]) => {
    const origin = loadAll(f, shift, PANEL_VECTORS);
    const sum = origin.map(() => f.v128(f32x4.zero()));
    const square = origin.map(() => f.v128(f32x4.zero()));
    f.doWhile(
      () => {
        origin.forEach((shifted, j) => {
          const value = f.v128(f32x4.sub(v128.load(x, j * VECTOR_BYTES), shifted));
          sum[j]!.set(f32x4.add(sum[j]!, value));
          square[j]!.set(f32x4.multiplyAdd(value, value, square[j]!, fused));
        });
        x.add(pixelBytes);
        pixels.add(-1);
      },
      () => pixels,
    );
    addTo(f, sums, sum);
    addTo(f, squares, square);
  });
}

/** Adds to the sums of one panel over adjacent pixels. */
export function sumsKernel(): Kernel {
  const parameters = ["x", "pixels", "pixelBytes", "sums"] as const;
  return kernel("sums", parameters, (f, [x, pixels, pixelBytes, sums]) => {
    const sum = range(PANEL_VECTORS).map(() => f.v128(f32x4.zero()));
    f.doWhile(
      () => {
        update(sum, (total, j) => f32x4.add(total, v128.load(x, j * VECTOR_BYTES)));
        x.add(pixelBytes);
        pixels.add(-1);
      },
      () => pixels,
    );
    addTo(f, sums, sum);
  });
}

/**
 * For `variant.vectors` vectors of channels over adjacent pixels, with g = dy · (y > 0): adds Σ g and Σ g · (xᵢ − meanᵢ) to vectors that are
 * `channelBytes` apart from `sums` on.
 */
export function backwardSumsKernel({ fused, vectors }: Variant, branches: 2 | 3): Kernel {
  const parameters = ["pixels", "pixelBytes", "dy", "y", "x0", "x1", "x2", "mean0", "mean1", "mean2", "sums"] as const;
  return kernel(`backwardSums${branches}`, parameters, (f, all) => {
    const [pixels, pixelBytes, dy, y, x0, x1, x2, mean0, mean1, mean2, sums] = all;
    const xs = [x0, x1, x2].slice(0, branches);
    const means = [mean0, mean1, mean2];
    const zeros = () => range(vectors).map(() => f.v128(f32x4.zero()));
    const gradientSum = zeros();
    const products = xs.map(zeros);
    f.doWhile(
      () => {
        gradientSum.forEach((total, j) => {
          const offset = j * VECTOR_BYTES;
          const g = f.v128(masked(v128.load(dy, offset), v128.load(y, offset)));
          total.set(f32x4.add(total, g));
          xs.forEach((x, branch) => {
            const product = products[branch]![j]!;
            // The means stay in memory: there are not enough registers for them besides the sums.
            const centred = f32x4.sub(v128.load(x, offset), v128.load(means[branch]!, offset));
            product.set(f32x4.multiplyAdd(g, centred, product, fused));
          });
        });
        for (const pointer of [dy, y, ...xs]) pointer.add(pixelBytes);
        pixels.add(-1);
      },
      () => pixels,
    );
    for (const vectors of [gradientSum, ...products]) {
      addTo(f, sums, vectors);
      sums.add(pixelBytes);
    }
  });
}

/** Runs `body` for every panel of every pixel of a row; pointers into the row move on, those to coefficients start anew. */
export function eachPanel(
  f: FunctionBuilder,
  [pixels, pixelBytes]: readonly [pixels: Int & { add(n: Int): void }, pixelBytes: Int],
  pointers: readonly { add(n: Int): void }[],
  body: (channel: Int) => void,
): void {
  f.doWhile(
    () => {
      const channel = f.i32(0);
      f.doWhile(
        () => {
          body(channel);
          for (const pointer of pointers) pointer.add(PANEL_BYTES);
          channel.add(PANEL_BYTES);
        },
        () => i32.ne(channel, pixelBytes),
      );
      pixels.add(-1);
    },
    () => pixels,
  );
}

/** y = max(Σ xᵢ · scaleᵢ + bias, floor) over a row of pixels; `floor` is the address of a float. */
export function combineKernel({ fused }: Variant, branches: 2 | 3): Kernel {
  const parameters = [
    "pixels",
    "pixelBytes",
    "x0",
    "x1",
    "x2",
    "y",
    "scale0",
    "scale1",
    "scale2",
    "bias",
    "floor",
  ] as const;
  return kernel(`combine${branches}`, parameters, (f, all) => {
    const [pixels, pixelBytes, x0, x1, x2, y, scale0, scale1, scale2, bias, floor] = all;
    const lowest = f.v128(v128.loadSplat(floor));
    const xs = [x0, x1, x2].slice(0, branches);
    const scales = [scale0, scale1, scale2];
    eachPanel(f, [pixels, pixelBytes], [...xs, y], (channel) => {
      const sums = loadAll(f, i32.add(bias, channel), PANEL_VECTORS);
      xs.forEach((x, branch) => {
        const scale = f.i32(i32.add(scales[branch]!, channel));
        sums.forEach((sum, j) => {
          const offset = j * VECTOR_BYTES;
          sum.set(f32x4.multiplyAdd(v128.load(x, offset), v128.load(scale, offset), sum, fused));
        });
      });
      storeAll(
        f,
        y,
        sums.map((sum) => f32x4.pmax(sum, lowest)),
      );
    });
  });
}

/** dxᵢ = g · uᵢ + xᵢ · vᵢ + wᵢ with g = dy · (y > 0) over a row of pixels. */
export function backwardInputKernel({ fused }: Variant, branches: 2 | 3): Kernel {
  const parameters = [
    "pixels",
    "pixelBytes",
    "dy",
    "y",
    "x0",
    "x1",
    "x2",
    "d0",
    "d1",
    "d2",
    "coefficients0",
    "coefficients1",
    "coefficients2",
  ] as const;
  return kernel(`backwardInput${branches}`, parameters, (f, all) => {
    const [pixels, pixelBytes, dy, y, x0, x1, x2, d0, d1, d2, coefficients0, coefficients1, coefficients2] = all;
    const xs = [x0, x1, x2].slice(0, branches);
    const ds = [d0, d1, d2].slice(0, branches);
    const coefficients = [coefficients0, coefficients1, coefficients2];
    eachPanel(f, [pixels, pixelBytes], [dy, y, ...xs, ...ds], (channel) => {
      const g = range(PANEL_VECTORS).map((j) =>
        f.v128(masked(v128.load(dy, j * VECTOR_BYTES), v128.load(y, j * VECTOR_BYTES))),
      );
      xs.forEach((x, branch) => {
        const u = f.i32(i32.add(coefficients[branch]!, channel));
        const v = f.i32(i32.add(u, pixelBytes));
        const w = f.i32(i32.add(v, pixelBytes));
        const results = g.map((gradient, j) => {
          const offset = j * VECTOR_BYTES;
          const affine = f32x4.multiplyAdd(v128.load(x, offset), v128.load(v, offset), v128.load(w, offset), fused);
          return f32x4.multiplyAdd(gradient, v128.load(u, offset), affine, fused);
        });
        storeAll(f, ds[branch]!, results);
      });
    });
  });
}
