import { addTo, eachPanel, masked } from "./batch-norm.kernel.ts";
import { PANEL_BYTES } from "./gemm.kernel.ts";
import type { Variant } from "./variant.ts";
import { f32x4, i32, type Kernel, kernel, range, storeAll, VECTOR_BYTES, v128 } from "./wasm-builder.ts";

const PANEL_VECTORS = PANEL_BYTES / VECTOR_BYTES;

/** y = ReLU(x) · scale over a row of pixels, each channel with its own scale. */
export function gateKernel(): Kernel {
  const parameters = ["pixels", "pixelBytes", "x", "scale", "y"] as const;
  return kernel("gate", parameters, (f, [pixels, pixelBytes, x, scale, y]) => {
    eachPanel(f, [pixels, pixelBytes], [x, y], (channel) => {
      const factors = f.i32(i32.add(scale, channel));
      const results = range(PANEL_VECTORS).map((j) => {
        const offset = j * VECTOR_BYTES;
        return f32x4.mul(f32x4.pmax(v128.load(x, offset), f32x4.zero()), v128.load(factors, offset));
      });
      storeAll(f, y, results);
    });
  });
}

/** Adds Σ dy · ReLU(x) over adjacent pixels to the sums of one panel. */
export function gateSumsKernel({ fused }: Variant): Kernel {
  const parameters = ["pixels", "pixelBytes", "dy", "x", "sums"] as const;
  return kernel("gateSums", parameters, (f, [pixels, pixelBytes, dy, x, sums]) => {
    const sum = range(PANEL_VECTORS).map(() => f.v128(f32x4.zero()));
    f.doWhile(
      () => {
        sum.forEach((total, j) => {
          const active = f32x4.pmax(v128.load(x, j * VECTOR_BYTES), f32x4.zero());
          total.set(f32x4.multiplyAdd(v128.load(dy, j * VECTOR_BYTES), active, total, fused));
        });
        dy.add(pixelBytes);
        x.add(pixelBytes);
        pixels.add(-1);
      },
      () => pixels,
    );
    addTo(f, sums, sum);
  });
}

/** dy = dy · (x > 0) · scale + pooled · factor over a row of pixels; `factorBits` are the bits of a float. */
export function gateInputGradientKernel({ fused }: Variant): Kernel {
  const parameters = ["pixels", "pixelBytes", "dy", "x", "scale", "pooled", "factorBits"] as const;
  return kernel("gateInputRow", parameters, (f, [pixels, pixelBytes, dy, x, scale, pooled, factorBits]) => {
    const factor = f.v128(f32x4.splatBits(factorBits));
    eachPanel(f, [pixels, pixelBytes], [dy, x], (channel) => {
      const factors = f.i32(i32.add(scale, channel));
      const means = f.i32(i32.add(pooled, channel));
      const results = range(PANEL_VECTORS).map((j) => {
        const offset = j * VECTOR_BYTES;
        const g = masked(v128.load(dy, offset), v128.load(x, offset));
        const mean = f32x4.mul(v128.load(means, offset), factor);
        return f32x4.multiplyAdd(g, v128.load(factors, offset), mean, fused);
      });
      storeAll(f, dy, results);
    });
  });
}
