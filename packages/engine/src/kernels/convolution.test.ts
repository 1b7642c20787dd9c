import { describe, it } from "vitest";
import { type ImageLayout, paddedCorner, pixelOffset } from "../layouts.ts";
import { expectClose, randomFloats, runEverywhere, type TestMemory } from "./test-engine.ts";
import {
  blockDiagonal,
  convolution3x3,
  kernelGradient3x3,
  paddedImages,
  panelWeights,
  type Shape,
  sizeOf,
  wholeOf,
  withBorder,
  withinGroups,
} from "./test-images.ts";

/** One chain of up to 432 float32 additions: about √432 · 6e-8, times the ratio of terms to sum. */
const TOLERANCE = 2e-6;

interface Case {
  readonly shape: Shape;
  readonly co: number;
  readonly stride: number;
  readonly splitPanels: boolean;
  readonly chunk: number;
  readonly relu?: boolean;
  readonly accumulate?: boolean;
  readonly groups?: number;
}

const CASES: readonly Case[] = [
  { shape: [1, 8, 8, 16], co: 16, stride: 1, splitPanels: false, chunk: 66 },
  { shape: [2, 5, 7, 3], co: 48, stride: 2, splitPanels: false, chunk: 7, relu: true },
  { shape: [3, 1, 1, 16], co: 32, stride: 1, splitPanels: true, chunk: 66, accumulate: true },
  { shape: [1, 13, 13, 48], co: 80, stride: 2, splitPanels: true, chunk: 16 },
  { shape: [2, 13, 5, 1], co: 16, stride: 1, splitPanels: false, chunk: 11 },
  { shape: [2, 9, 7, 32], co: 64, stride: 2, splitPanels: false, chunk: 7, groups: 2, relu: true },
  { shape: [1, 6, 5, 96], co: 48, stride: 1, splitPanels: true, chunk: 66, groups: 3, accumulate: true },
];

const outputShape = ({ shape: [N, H, W], co, stride }: Case): Shape => [
  N,
  Math.ceil(H / stride),
  Math.ceil(W / stride),
  co,
];

/** Offsets of the windows that a convolution of padding 1 reads, from the padded corner. */
function windows([N, H, W]: Shape, stride: number, offset: (n: number, y: number, x: number) => number): number[] {
  const table: number[] = [];
  for (let n = 0; n < N; n++) {
    for (let y = 0; y < H; y += stride) for (let x = 0; x < W; x += stride) table.push(offset(n, y, x));
  }
  return table;
}

/** What a window of 3 × 3 pixels reads: three runs of pixels, or, in groups, a part of each of nine pixels. */
function runsOf(memory: TestMemory, input: ImageLayout, groups: number) {
  const perRow = groups === 1 ? 1 : 3;
  const offsets = Array.from({ length: 3 * perRow }, (_, i) =>
    pixelOffset(input, 0, Math.floor(i / perRow), i % perRow),
  );
  return {
    runFloats: ((3 / perRow) * input.channels) / groups,
    runs: offsets.length,
    runTable: memory.table(offsets),
    groupBytes: (input.channels / groups) * 4,
  };
}

describe("convolve", () => {
  it.each(CASES)("$shape to $co channels, stride $stride, panels split: $splitPanels", async (test) => {
    const { shape, co, stride, splitPanels, chunk, groups = 1 } = test;
    const shapeOut = outputShape(test);
    const ci = shape[3];
    const x = randomFloats(sizeOf(shape), 1);
    const weights = randomFloats((9 * ci * co) / groups, 2);
    const bias = randomFloats(co, 3);
    const before = randomFloats(sizeOf(shapeOut), 4);
    const reference = convolution3x3(x, shape, blockDiagonal(weights, 9, ci, co, groups), co, stride).map(
      (value, i) => {
        if (test.accumulate) return before[i]! + value;
        const biased = value + bias[i % co]!;
        return test.relu ? Math.max(biased, 0) : biased;
      },
    );
    let expected: Float64Array = new Float64Array();
    const results = await runEverywhere((memory) => {
      const input = paddedImages(memory, shape, x);
      const output = paddedImages(memory, shapeOut, before);
      expected = withBorder(output, reference);
      const inputTable = windows(shape, stride, (n, y, column) => pixelOffset(input, n, y, column));
      const outputTable = windows(shapeOut, 1, (n, y, column) => pixelOffset(output, n, y, column));
      memory.call("convolve", splitPanels ? co / 16 : inputTable.length, {
        input: paddedCorner(input),
        inputTable: memory.table(inputTable),
        ...runsOf(memory, input, groups),
        weights: memory.floats(panelWeights(weights, 9, ci / groups, co, false)),
        bias: memory.floats(bias),
        output: output.origin,
        outputTable: memory.table(outputTable),
        rows: inputTable.length,
        panels: co / 16,
        panelsPerGroup: co / 16 / groups,
        chunk,
        accumulate: Number(test.accumulate ?? false),
        relu: Number(test.relu ?? false),
        splitPanels: Number(splitPanels),
      });
      return [wholeOf(output)];
    });
    expectClose(results, 0, expected, TOLERANCE);
  });
});

describe("kernelGradient", () => {
  it.each(CASES)("$shape to $co channels, stride $stride, panels split: $splitPanels", async (test) => {
    const { shape, co, stride, splitPanels, chunk, groups = 1 } = test;
    const shapeOut = outputShape(test);
    const ci = shape[3];
    const x = randomFloats(sizeOf(shape), 1);
    const dy = randomFloats(sizeOf(shapeOut), 2);
    const results = await runEverywhere((memory) => {
      const input = paddedImages(memory, shape, x);
      const gradient = paddedImages(memory, shapeOut, dy);
      const inputTable = windows(shape, stride, (n, y, column) => pixelOffset(input, n, y, column));
      const gradientTable = windows(shapeOut, 1, (n, y, column) => pixelOffset(gradient, n, y, column));
      const target = memory.floats(new Float32Array((9 * ci * co) / groups).fill(7));
      memory.call("kernelGradient", splitPanels ? co / 16 : (9 * ci) / groups, {
        input: paddedCorner(input),
        inputTable: memory.table(inputTable),
        ...runsOf(memory, input, groups),
        gradient: gradient.origin,
        gradientTable: memory.table(gradientTable),
        rows: inputTable.length,
        panels: co / 16,
        panelsPerGroup: co / 16 / groups,
        chunk,
        target,
        splitPanels: Number(splitPanels),
      });
      return [[target, (9 * ci * co) / groups]];
    });
    const gradient = withinGroups(kernelGradient3x3(x, shape, dy, co, stride), 9, ci, co, groups);
    expectClose(results, 0, panelWeights(gradient, 9, ci / groups, co, false), TOLERANCE);
  });
});

describe("transposeWeights", () => {
  const [ci, co, taps] = [32, 48, 9];
  const ORDER = [8, 2, 5];

  it.each([true, false])("exchanges input and output channels and picks taps (taps inside: %s)", async (tapsInside) => {
    const weights = randomFloats(taps * ci * co);
    const results = await runEverywhere((memory) => {
      const target = memory.floats(ORDER.length * ci * co);
      memory.call("transposeWeights", ci / 16, {
        source: memory.floats(panelWeights(weights, taps, ci, co, tapsInside)),
        panelBytes: taps * ci * 64,
        channelBytes: tapsInside ? taps * 64 : 64,
        tapBytes: tapsInside ? 64 : ci * 64,
        taps: memory.table(ORDER),
        tapCount: ORDER.length,
        outputChannels: co,
        panelsPerGroup: ci / 16,
        target,
        targetPanelBytes: ORDER.length * co * 64,
        targetChannelBytes: tapsInside ? ORDER.length * 64 : 64,
        targetTapBytes: tapsInside ? 64 : co * 64,
      });
      return [[target, ORDER.length * ci * co]];
    });
    const exchanged = new Float32Array(ORDER.length * ci * co);
    for (const [i, tap] of ORDER.entries()) {
      for (let c = 0; c < ci; c++) {
        for (let o = 0; o < co; o++) exchanged[(i * co + o) * ci + c] = weights[(tap * ci + c) * co + o]!;
      }
    }
    expectClose(results, 0, panelWeights(exchanged, ORDER.length, co, ci, tapsInside), 0);
  });

  it("exchanges the channels of each group", async () => {
    const [groups, all] = [2, 64];
    const [from, to] = [ci, all / groups];
    const weights = randomFloats(from * all);
    const results = await runEverywhere((memory) => {
      const target = memory.floats(from * all);
      memory.call("transposeWeights", (groups * from) / 16, {
        source: memory.floats(panelWeights(weights, 1, from, all, false)),
        panelBytes: from * 64,
        channelBytes: 64,
        tapBytes: from * 64,
        taps: memory.table([0]),
        tapCount: 1,
        outputChannels: to,
        panelsPerGroup: from / 16,
        target,
        targetPanelBytes: to * 64,
        targetChannelBytes: 64,
        targetTapBytes: to * 64,
      });
      return [[target, from * all]];
    });
    const exchanged = new Float32Array(from * all);
    for (let c = 0; c < from; c++) {
      for (let o = 0; o < all; o++) {
        const group = Math.floor(o / to);
        exchanged[(o % to) * groups * from + group * from + c] = weights[c * all + o]!;
      }
    }
    expectClose(results, 0, panelWeights(exchanged, 1, to, groups * from, false), 0);
  });
});

describe("clearBetweenGroups", () => {
  it.each([true, false])("leaves what is within the groups of 4 → 8 channels (taps inside: %s)", async (tapsInside) => {
    // Two slices of 16 → 32 channels, of four groups each.
    const [ci, co, taps] = [16, 64, 9];
    const gradient = randomFloats(taps * ci * co);
    const results = await runEverywhere((memory) => {
      const address = memory.floats(panelWeights(gradient, taps, ci, co, tapsInside));
      memory.call("clearBetweenGroups", co / 16, {
        gradient: address,
        panelBytes: taps * ci * 64,
        channelBytes: tapsInside ? taps * 64 : 64,
        tapBytes: tapsInside ? 64 : ci * 64,
        channels: ci,
        tapCount: taps,
        panelsPerGroup: 2,
        inputs: 4,
        outputs: 8,
      });
      return [[address, taps * ci * co]];
    });
    const expected = gradient.map((value, i) => {
      const [c, o] = [Math.floor(i / co) % ci, i % co];
      return Math.floor(c / 4) === Math.floor((o % 32) / 8) ? value : 0;
    });
    expectClose(results, 0, panelWeights(expected, taps, ci, co, tapsInside), 0);
  });
});
