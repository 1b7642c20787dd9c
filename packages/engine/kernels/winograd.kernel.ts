import type { ConstantTable } from "./constant-table.ts";
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
  VECTOR_BYTES,
  type Vector,
  v128,
} from "./wasm-builder.ts";
import {
  arithmetic,
  evenAndOdd,
  GRADIENT_TRANSFORM,
  INPUT_TRANSFORM,
  KERNEL_GRADIENT_TRANSFORM,
  KERNEL_TRANSFORM,
  OUTPUT_TRANSFORM,
  POINT_PAIRS,
  type Transform,
} from "./winograd-transforms.ts";

/** A tile transform keeps its rows between the two passes in the thread's scratch, in slots of a pair of vectors. */
const SLOT_BYTES = 2 * VECTOR_BYTES;

/** What the tile kernels are made of. */
interface Tiles {
  readonly f: FunctionBuilder;
  readonly constants: ConstantTable;
  readonly variant: Variant;
}

/** One row or column through a transform: `load` gives the vectors at position i, `store` takes those of result i. */
function pass(
  { f, constants, variant }: Tiles,
  transform: Transform,
  load: (i: number) => readonly Vector[],
  store: (i: number, values: readonly Vector[]) => void,
): void {
  const values = range(transform.inputs).map(load);
  const math = arithmetic(f, constants, variant);
  const results = range(variant.pair).map((half) =>
    transform.apply(
      math,
      values.map((vectors) => vectors[half]!),
    ),
  );
  results[0]!.forEach((_, i) => {
    store(
      i,
      results.map((values) => values[i]!),
    );
  });
}

/** Runs `body` `count` times, at run time. */
function repeat(f: FunctionBuilder, count: Int, body: () => void): void {
  const left = f.i32(count);
  f.doWhile(
    () => {
      body();
      left.add(-1);
    },
    () => left,
  );
}

/** Runs `body` for every vector or pair of `bytes` bytes of channels; `channel` is the byte offset. */
function eachChannel({ f, variant }: Tiles, bytes: Int, body: (channel: Int) => void): void {
  const channel = f.i32(0);
  f.doWhile(
    () => {
      body(channel);
      channel.add(variant.pair * VECTOR_BYTES);
    },
    () => i32.ne(channel, bytes),
  );
}

/** Both passes of a transform of one tile, from pixels or planes to 36 planes. */
function tileToPlanes(
  tiles: Tiles,
  transform: Transform,
  addresses: Record<"source" | "scratch" | "planes", Int>,
  steps: Record<"row" | "pixel" | "plane", Int>,
) {
  const { f, variant } = tiles;
  const row = f.i32(addresses.source);
  const kept = f.i32(addresses.scratch);
  repeat(f, transform.inputs, () => {
    const pixel = f.i32(row);
    pass(
      tiles,
      transform,
      () => {
        const vectors = loadAll(f, pixel, variant.pair);
        pixel.add(steps.pixel);
        return vectors;
      },
      (i, values) => storeAll(f, kept, values, i * SLOT_BYTES),
    );
    row.add(steps.row);
    kept.add(6 * SLOT_BYTES);
  });
  kept.set(addresses.scratch);
  const column = f.i32(addresses.planes);
  repeat(f, 6, () => {
    const plane = f.i32(column);
    pass(
      tiles,
      transform,
      (i) => loadAll(f, kept, variant.pair, i * 6 * SLOT_BYTES),
      (i, values) => {
        storeAll(f, plane, values);
        if (i < 5) plane.add(i32.mul(steps.plane, 6));
      },
    );
    kept.add(SLOT_BYTES);
    column.add(steps.plane);
  });
}

/** One tile of pixels to its place in 36 planes: V = Bᵀ x B of the input, or D = A dy Aᵀ of the output's gradient. */
function toPlanesKernel(name: string, transform: Transform, variant: Variant, constants: ConstantTable): Kernel {
  const parameters = ["source", "rowBytes", "pixelBytes", "planes", "planeBytes", "scratch"] as const;
  return kernel(name, parameters, (f, [source, rowBytes, pixelBytes, planes, planeBytes, scratch]) => {
    const tiles = { f, constants, variant };
    eachChannel(tiles, pixelBytes, (channel) => {
      tileToPlanes(
        tiles,
        transform,
        { source: i32.add(source, channel), scratch, planes: i32.add(planes, channel) },
        { row: rowBytes, pixel: pixelBytes, plane: planeBytes },
      );
    });
  });
}

export const winogradInputKernel = (variant: Variant, constants: ConstantTable) =>
  toPlanesKernel("winogradInputTile", INPUT_TRANSFORM, variant, constants);

export const winogradGradientKernel = (variant: Variant, constants: ConstantTable) =>
  toPlanesKernel("winogradGradientTile", GRADIENT_TRANSFORM, variant, constants);

/**
 * y = Aᵀ m A of one tile, of which `height` × `width` pixels exist, for `channelBytes` bytes of channels: with bias and floor, or
 * added to the output.
 */
export function winogradOutputKernel(variant: Variant, constants: ConstantTable, accumulate: boolean): Kernel {
  const name = accumulate ? "winogradOutputTileAdd" : "winogradOutputTile";
  const parameters = [
    "products",
    "planeBytes",
    "output",
    "rowBytes",
    "pixelBytes",
    "height",
    "width",
    "channelBytes",
    "bias",
    "floor",
    "scratch",
  ] as const;
  return kernel(name, parameters, (f, all) => {
    const [products, planeBytes, output, rowBytes, pixelBytes, height, width, channelBytes, bias, floor, scratch] = all;
    const tiles = { f, constants, variant };
    const lowest = f.v128(v128.loadSplat(floor));
    eachChannel(tiles, channelBytes, (channel) => {
      const plane = f.i32(i32.add(products, channel));
      const kept = f.i32(scratch);
      repeat(f, 6, () => {
        pass(
          tiles,
          OUTPUT_TRANSFORM,
          () => {
            const vectors = loadAll(f, plane, variant.pair);
            plane.add(planeBytes);
            return vectors;
          },
          (i, values) => storeAll(f, kept, values, i * SLOT_BYTES),
        );
        kept.add(4 * SLOT_BYTES);
      });
      kept.set(scratch);
      const biases = loadAll(f, i32.add(bias, channel), variant.pair);
      const column = f.i32(i32.add(output, channel));
      const finish = (value: Vector, half: number, pixel: Int) =>
        accumulate
          ? f32x4.add(value, v128.load(pixel, half * VECTOR_BYTES))
          : f32x4.pmax(f32x4.add(biases[half]!, value), lowest);
      repeat(f, width, () => {
        const pixel = f.i32(column);
        f.block((leave) => {
          pass(
            tiles,
            OUTPUT_TRANSFORM,
            (i) => loadAll(f, kept, variant.pair, i * 4 * SLOT_BYTES),
            (i, values) => {
              if (i > 0) f.if(i32.eq(height, i), leave);
              storeAll(
                f,
                pixel,
                values.map((value, half) => finish(value, half, pixel)),
              );
              pixel.add(rowBytes);
            },
          );
        });
        kept.add(SLOT_BYTES);
        column.add(pixelBytes);
      });
    });
  });
}

/** Weights are transformed in three parts of two rows of the 6 × 6 planes each: 0 and 5, 1 and 2, 3 and 4. */
export const WEIGHT_PARTS = 3;

/**
 * Two rows of U = G g Gᵀ for one panel of `[ci][9][16]` weights: twelve planes of `[ci][16]`, `planeBytes` apart.
 *
 * Twelve at a time keep what the products then read in the cache. Rows 1/2 and 3/4 share their even and odd parts. Everything
 * stays in registers: loads in between the many streams of stores cost twice the time.
 */
export function winogradWeightsKernel(variant: Variant, constants: ConstantTable, part: number): Kernel {
  const parameters = ["weights", "target", "planeBytes", "channels"] as const;
  return kernel(`winogradWeights${part}`, parameters, (f, [weights, target, planeBytes, channels]) => {
    const math = arithmetic(f, constants, variant, POINT_PAIRS.flatMap(Object.values));
    const taps = (y: number): Vector[][] =>
      range(3).map((x) => loadAll(f, weights, variant.pair, (3 * y + x) * PANEL_BYTES));
    const plane = f.i32(target);
    /** Stores the six planes of one row, given the row's three columns. */
    const storeRow = (columns: readonly (readonly Vector[])[]) => {
      const results = range(variant.pair).map((half) =>
        KERNEL_TRANSFORM.apply(
          math,
          columns.map((column) => column[half]!),
        ),
      );
      results[0]!.forEach((_, i) => {
        storeAll(
          f,
          plane,
          results.map((row) => row[i]!),
        );
        plane.add(planeBytes);
      });
    };
    const twoRows = () => {
      if (part === 0) {
        storeRow(taps(0));
        storeRow(taps(2));
        return;
      }
      const rows = range(3).map(taps);
      const parts = range(3).map((x) =>
        range(variant.pair).map((half) =>
          evenAndOdd(
            math,
            POINT_PAIRS[part - 1]!,
            rows.map((row) => row[x]![half]!),
          ),
        ),
      );
      storeRow(parts.map((column) => column.map(([even, odd]) => f.v128(f32x4.add(even, odd)))));
      storeRow(parts.map((column) => column.map(([even, odd]) => f.v128(f32x4.sub(even, odd)))));
    };
    repeat(f, channels, () => {
      repeat(f, PANEL_BYTES / (variant.pair * VECTOR_BYTES), () => {
        plane.set(target);
        twoRows();
        weights.add(variant.pair * VECTOR_BYTES);
        target.add(variant.pair * VECTOR_BYTES);
      });
      weights.add(8 * PANEL_BYTES);
    });
  });
}

/** dW = Gᵀ p G of one input channel and panel: 36 products, `planeBytes` apart, to 9 taps, a panel's row apart. */
export function winogradKernelGradientKernel(variant: Variant, constants: ConstantTable): Kernel {
  const parameters = ["products", "planeBytes", "target", "scratch"] as const;
  return kernel("winogradKernelGradientTile", parameters, (f, [products, planeBytes, target, scratch]) => {
    const tiles = { f, constants, variant };
    eachChannel(tiles, PANEL_BYTES, (channel) => {
      const plane = f.i32(i32.add(products, channel));
      const kept = f.i32(scratch);
      repeat(f, 6, () => {
        pass(
          tiles,
          KERNEL_GRADIENT_TRANSFORM,
          () => {
            const vectors = loadAll(f, plane, variant.pair);
            plane.add(planeBytes);
            return vectors;
          },
          (i, values) => storeAll(f, kept, values, i * SLOT_BYTES),
        );
        kept.add(3 * SLOT_BYTES);
      });
      kept.set(scratch);
      const column = f.i32(i32.add(target, channel));
      repeat(f, 3, () => {
        pass(
          tiles,
          KERNEL_GRADIENT_TRANSFORM,
          (i) => loadAll(f, kept, variant.pair, i * 3 * SLOT_BYTES),
          (i, values) => storeAll(f, column, values, i * 3 * PANEL_BYTES),
        );
        kept.add(SLOT_BYTES);
        column.add(PANEL_BYTES);
      });
    });
  });
}
