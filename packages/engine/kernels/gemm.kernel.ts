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

/** Bytes of one row of a panel: 16 channels. */
export const PANEL_BYTES = 64;

/**
 * Blocks of rows times a panel: all of the depth in registers, so that the output is written once.
 *
 *     out[i, :] = max(Σ_k in[i, k] · weights[k, :] + bias, floor)      or, with `accumulate`, added to what it holds
 *
 * Rows are found through tables of byte offsets. The depth is `runs` runs of `runFloats` adjacent floats, at the byte offsets of
 * `runTable` from the row's start, the first 0. `floor` is the address of a float.
 */
export function gemmKernel({ vectors, fused, turns }: Variant, rows: number, accumulate: boolean): Kernel {
  const parameters = [
    "inputTable",
    "blocks",
    "input",
    "weights",
    "runFloats",
    "runs",
    "runTable",
    "outputTable",
    "output",
    "bias",
    "floor",
  ] as const;
  return kernel(`gemm${accumulate ? "Add" : ""}${rows}`, parameters, (f, all) => {
    const [inputTable, blocks, input, weights, runFloats, runs, runTable, outputTable, output, bias, floor] = all;
    const lowest = f.v128(v128.loadSplat(floor));

    f.doWhile(
      () => {
        const row = range(rows).map((i) => f.i32(i32.add(input, i32.load(inputTable, 4 * i))));
        const first = loadAll(f, bias, vectors);
        const sums = range(rows).map((i) => (i === 0 ? first : first.map((value) => f.v128(value))));
        const panel = f.i32(weights);
        const left = f.i32(runs);
        const offsets = f.i32(runTable);
        const advance = (steps: number) => {
          for (const a of row) a.add(4 * steps);
          panel.add(PANEL_BYTES * steps);
        };
        const step = (turn: number) => {
          const b = loadAll(f, panel, vectors, PANEL_BYTES * turn);
          row.forEach((a, i) => {
            const x = f.v128(v128.loadSplat(a, 4 * turn));
            update(sums[i]!, (sum, j) => f32x4.multiplyAdd(x, b[j]!, sum, fused));
          });
        };
        f.doWhile(
          () => {
            const depth = f.i32(runFloats);
            // Leaving from the middle keeps the compiler from regrouping the pointer updates of the steps.
            f.block((leave) => {
              f.doWhile(
                () => {
                  for (const turn of range(turns)) {
                    step(turn);
                    if (turn === turns - 1) break;
                    f.if(i32.eq(depth, turn + 1), () => {
                      advance(turn + 1);
                      leave();
                    });
                  }
                  advance(turns);
                  depth.add(-turns);
                },
                () => i32.greater(depth, 0),
              );
            });
            left.add(-1);
            f.if(left, () => {
              const distance = i32.sub(i32.load(offsets, 4), i32.load(offsets));
              const gap = f.i32(i32.sub(distance, i32.shl(runFloats, 2)));
              for (const a of row) a.add(gap);
              offsets.add(4);
            });
          },
          () => left,
        );
        sums.forEach((values, i) => {
          const out = f.i32(i32.add(output, i32.load(outputTable, 4 * i)));
          const results = accumulate
            ? values.map((value, j) => f32x4.add(value, v128.load(out, j * VECTOR_BYTES)))
            : values.map((value) => f32x4.pmax(value, lowest));
          storeAll(f, out, results);
        });
        inputTable.add(4 * rows);
        outputTable.add(4 * rows);
        blocks.add(-1);
      },
      () => blocks,
    );
  });
}
