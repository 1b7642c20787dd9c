import { PANEL_BYTES } from "./gemm.kernel.ts";
import type { Variant } from "./variant.ts";
import {
  f32x4,
  i32,
  type Kernel,
  kernel,
  loadAll,
  range,
  storeAll,
  update,
  VECTOR_BYTES,
  v128,
} from "./wasm-builder.ts";

/**
 * A block of a kernel gradient, summed over positions in registers.
 *
 *     target[m, :] (+)= Σ_i a_i[m] · b_i[:]        m < rows; target's rows are a panel wide
 *
 * Positions of `a` are found through a table of byte offsets, those of `b` are adjacent panel rows. `add` is 0 or 1.
 */
export function outerProductKernel(variant: Variant, rows: number): Kernel {
  const parameters = ["aTable", "count", "a", "b", "target", "add"] as const;
  return kernel(`outerProduct${rows}`, parameters, (f, [aTable, count, a, b, target, add]) => {
    const sums = range(rows).map(() => range(variant.vectors).map(() => f.v128(f32x4.zero())));
    f.doWhile(
      () => {
        const left = f.i32(i32.add(a, i32.load(aTable)));
        const right = loadAll(f, b, variant.vectors);
        sums.forEach((row, m) => {
          const x = f.v128(v128.loadSplat(left, 4 * m));
          update(row, (sum, j) => f32x4.multiplyAdd(x, right[j]!, sum, variant.fused));
        });
        aTable.add(4);
        b.add(PANEL_BYTES);
        count.add(-1);
      },
      () => count,
    );
    f.if(add, () => {
      sums.forEach((row, m) => {
        update(row, (sum, j) => f32x4.add(v128.load(target, m * PANEL_BYTES + j * VECTOR_BYTES), sum));
      });
    });
    for (const [m, row] of sums.entries()) storeAll(f, target, row, m * PANEL_BYTES);
  });
}

/** As {@link outerProductKernel}, of positions at equal distances, which are added to nothing. */
export function outerProductStridedKernel(variant: Variant, rows: number): Kernel {
  const parameters = ["a", "aBytes", "b", "bBytes", "count", "target"] as const;
  return kernel(`outerProductStrided${rows}`, parameters, (f, [a, aBytes, b, bBytes, count, target]) => {
    const sums = range(rows).map(() => range(variant.vectors).map(() => f.v128(f32x4.zero())));
    f.doWhile(
      () => {
        const right = loadAll(f, b, variant.vectors);
        sums.forEach((row, m) => {
          const x = f.v128(v128.loadSplat(a, 4 * m));
          update(row, (sum, j) => f32x4.multiplyAdd(x, right[j]!, sum, variant.fused));
        });
        a.add(aBytes);
        b.add(bBytes);
        count.add(-1);
      },
      () => count,
    );
    for (const [m, row] of sums.entries()) storeAll(f, target, row, m * PANEL_BYTES);
  });
}
