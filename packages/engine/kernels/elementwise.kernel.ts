import type { ConstantTable } from "./constant-table.ts";
import { PANEL_BYTES } from "./gemm.kernel.ts";
import type { Variant } from "./variant.ts";
import {
  f32x4,
  i32,
  i32x4,
  type Kernel,
  kernel,
  loadAll,
  range,
  storeAll,
  update,
  VECTOR_BYTES,
  v128,
} from "./wasm-builder.ts";

const PANEL_VECTORS = PANEL_BYTES / VECTOR_BYTES;

/** target = source · factor over `bytes` bytes, whole panels; `factorBits` are the bits of a float. */
export function scaleKernel(): Kernel {
  return kernel("scale", ["source", "target", "bytes", "factorBits"], (f, [source, target, bytes, factorBits]) => {
    const factor = f.v128(f32x4.splatBits(factorBits));
    const offset = f.i32(0);
    f.doWhile(
      () => {
        const values = loadAll(f, i32.add(source, offset), PANEL_VECTORS);
        storeAll(
          f,
          i32.add(target, offset),
          values.map((value) => f32x4.mul(value, factor)),
        );
        offset.add(PANEL_BYTES);
      },
      () => i32.ne(offset, bytes),
    );
  });
}

/** Copies panel rows, found through a table of byte offsets, to adjacent ones. */
export function gatherKernel(): Kernel {
  return kernel("gather", ["table", "rows", "source", "target"], (f, [table, rows, source, target]) => {
    f.doWhile(
      () => {
        storeAll(f, target, loadAll(f, i32.add(source, i32.load(table)), PANEL_VECTORS));
        table.add(4);
        target.add(PANEL_BYTES);
        rows.add(-1);
      },
      () => rows,
    );
  });
}

/**
 * Copies `rows` panel rows, one at least, that are `sourceBytes` apart, to `targetBytes` apart. Of the panel of i32 at `special`, a sign
 * is set where a float is not finite: NaN and infinities have all bits of the exponent set, those of ∞, and 2⁻¹²⁶, whose bits are the exponent's
 * lowest, carries them into the sign.
 */
export function copyPanelRowsKernel(constants: ConstantTable): Kernel {
  const parameters = ["rows", "source", "sourceBytes", "target", "targetBytes", "special"] as const;
  return kernel("copyPanelRows", parameters, (f, [rows, source, sourceBytes, target, targetBytes, special]) => {
    const exponent = f.v128(v128.loadSplat(constants.addressOf(Number.POSITIVE_INFINITY)));
    const carry = f.v128(v128.loadSplat(constants.addressOf(2 ** -126)));
    const carried = loadAll(f, special, PANEL_VECTORS);
    f.doWhile(
      () => {
        const values = loadAll(f, source, PANEL_VECTORS);
        storeAll(f, target, values);
        update(carried, (sum, i) => v128.or(sum, i32x4.add(v128.and(values[i]!, exponent), carry)));
        source.add(sourceBytes);
        target.add(targetBytes);
        rows.add(-1);
      },
      () => rows,
    );
    storeAll(f, special, carried);
  });
}

/** A 16 × 16 block of floats with rows and columns exchanged; rows are `sourceBytes` and `targetBytes` apart. */
export function transposeKernel(): Kernel {
  const parameters = ["source", "sourceBytes", "target", "targetBytes"] as const;
  return kernel("transpose", parameters, (f, [source, sourceBytes, target, targetBytes]) => {
    const rowsLeft = f.i32(4);
    f.doWhile(
      () => {
        const from = f.i32(source);
        const to = f.i32(target);
        const columnsLeft = f.i32(4);
        f.doWhile(
          () => {
            const row = f.i32(from);
            const rows = range(4).map((i) => {
              if (i > 0) row.add(sourceBytes);
              return f.v128(v128.load(row));
            });
            const [low01, high01] = [
              f.v128(v128.shuffle(rows[0]!, rows[1]!, [0, 4, 1, 5])),
              f.v128(v128.shuffle(rows[0]!, rows[1]!, [2, 6, 3, 7])),
            ];
            const [low23, high23] = [
              f.v128(v128.shuffle(rows[2]!, rows[3]!, [0, 4, 1, 5])),
              f.v128(v128.shuffle(rows[2]!, rows[3]!, [2, 6, 3, 7])),
            ];
            const columns = [
              v128.shuffle(low01, low23, [0, 1, 4, 5]),
              v128.shuffle(low01, low23, [2, 3, 6, 7]),
              v128.shuffle(high01, high23, [0, 1, 4, 5]),
              v128.shuffle(high01, high23, [2, 3, 6, 7]),
            ];
            for (const column of columns) {
              f.do(v128.store(to, column));
              to.add(targetBytes);
            }
            from.add(VECTOR_BYTES);
            columnsLeft.add(-1);
          },
          () => columnsLeft,
        );
        source.add(i32.mul(sourceBytes, 4));
        target.add(VECTOR_BYTES);
        rowsLeft.add(-1);
      },
      () => rowsLeft,
    );
  });
}

/**
 * PyTorch's SGD over blocks of 16 floats.
 *
 *     g = scale · g + decay · p;   v = momentum · v + g;   p −= lr · (nesterov ? g + momentum · v : v)
 *
 * `settings` is the address of f32 [lr, momentum, decay, scale].
 */
export function sgdKernel({ fused }: Variant, nesterov: boolean): Kernel {
  const parameters = ["parameters", "gradients", "velocity", "settings", "blocks"] as const;
  return kernel(
    nesterov ? "sgdNesterov" : "sgd",
    parameters,
    (f, [parameters, gradients, velocity, settings, blocks]) => {
      const [rate, momentum, decay, scale] = range(4).map((i) => f.v128(v128.loadSplat(settings, 4 * i)));
      f.doWhile(
        () => {
          const p = loadAll(f, parameters, PANEL_VECTORS);
          const g = loadAll(f, gradients, PANEL_VECTORS).map((gradient, j) =>
            f.v128(f32x4.multiplyAdd(decay!, p[j]!, f32x4.mul(gradient, scale!), fused)),
          );
          const v = loadAll(f, velocity, PANEL_VECTORS).map((old, j) =>
            f.v128(f32x4.multiplyAdd(momentum!, old, g[j]!, fused)),
          );
          const step = nesterov ? v.map((value, j) => f32x4.multiplyAdd(momentum!, value, g[j]!, fused)) : v;
          const updated = p.map((parameter, j) => f.v128(f32x4.sub(parameter, f32x4.mul(rate!, step[j]!))));
          storeAll(f, velocity, v);
          storeAll(f, parameters, updated);
          for (const pointer of [parameters, gradients, velocity]) pointer.add(PANEL_BYTES);
          blocks.add(-1);
        },
        () => blocks,
      );
    },
  );
}
