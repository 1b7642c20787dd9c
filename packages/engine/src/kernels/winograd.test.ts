import { describe, expect, it } from "vitest";
import { paddedCorner } from "../layouts.ts";
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

/** Winograd's transforms lose about a digit against a direct sum in float32, whose error is about 1e-7 · √(9 ci). */
const TOLERANCE = 4e-6;

interface Case {
  readonly shape: Shape;
  readonly co: number;
  readonly transformed: boolean;
  readonly keepPlanes: boolean;
  readonly splitPanels: boolean;
  readonly relu?: boolean;
  readonly accumulate?: boolean;
  readonly chunk?: number;
  readonly groups?: number;
}

const tilesOf = ([, height, width]: Shape) =>
  [Math.ceil(width / 4), Math.ceil(height / 4) * Math.ceil(width / 4)] as const;

function prepare(
  memory: TestMemory,
  test: Case,
  x: Float32Array,
  weights: Float32Array,
  bias: Float32Array,
  before: Float32Array,
) {
  const { shape, co, transformed, keepPlanes, splitPanels, chunk = 1000, groups = 1 } = test;
  const [N, height, width, ci] = shape;
  const [tilesX, tilesPerImage] = tilesOf(shape);
  const tiles = N * tilesPerImage;
  const input = paddedImages(memory, shape, x);
  const output = paddedImages(memory, [N, height, width, co], before);
  const raw = memory.floats(panelWeights(weights, 9, ci / groups, co, true));
  const weightPlaneBytes = (ci / groups) * co * 4 + 64;
  const planeBytes = (keepPlanes ? tiles : Math.min(chunk, tiles)) * ci * 4 + 64;
  const source = {
    input: paddedCorner(input),
    imageBytes: input.imageBytes,
    rowBytes: input.rowBytes,
    channels: ci,
    tilesX,
    tilesPerImage,
    planes: keepPlanes ? memory.allocate(36 * planeBytes) : 0,
    planeBytes,
  };
  let kernels = raw;
  if (transformed) {
    kernels = memory.allocate(36 * weightPlaneBytes);
    memory.call("winogradWeights", co / 16, {
      weights: raw,
      channels: ci / groups,
      target: kernels,
      planeBytes: weightPlaneBytes,
    });
  }
  if (splitPanels) memory.call("winogradInput", tiles, source);
  memory.call("winograd", splitPanels ? co / 16 : Math.ceil(tiles / chunk), {
    ...source,
    transformInput: Number(!splitPanels),
    tiles,
    weights: kernels,
    transformed: Number(transformed),
    weightPlaneBytes,
    bias: memory.floats(bias),
    output: output.origin,
    outputImageBytes: output.imageBytes,
    outputRowBytes: output.rowBytes,
    outputChannels: co,
    height,
    width,
    groupChannels: ci / groups,
    panelsPerGroup: co / 16 / groups,
    accumulate: Number(test.accumulate ?? false),
    relu: Number(test.relu ?? false),
    chunk,
    splitPanels: Number(splitPanels),
  });
  return { output, planes: source.planes, planeBytes };
}

const CASES: readonly Case[] = [
  { shape: [1, 8, 8, 16], co: 16, transformed: false, keepPlanes: true, splitPanels: true },
  { shape: [2, 5, 7, 48], co: 32, transformed: false, keepPlanes: true, splitPanels: true, relu: true },
  { shape: [1, 1, 1, 16], co: 64, transformed: false, keepPlanes: true, splitPanels: true, accumulate: true },
  { shape: [2, 13, 13, 16], co: 48, transformed: true, keepPlanes: false, splitPanels: false, chunk: 5, relu: true },
  { shape: [3, 13, 6, 48], co: 80, transformed: true, keepPlanes: true, splitPanels: false, chunk: 7 },
  {
    shape: [2, 4, 9, 32],
    co: 16,
    transformed: false,
    keepPlanes: false,
    splitPanels: false,
    chunk: 2,
    accumulate: true,
  },
  { shape: [2, 6, 7, 64], co: 128, transformed: false, keepPlanes: true, splitPanels: true, groups: 2, relu: true },
  { shape: [2, 13, 13, 48], co: 96, transformed: true, keepPlanes: false, splitPanels: false, chunk: 5, groups: 3 },
];

describe("winograd", () => {
  it.each(CASES)("convolves $shape to $co channels (transformed $transformed, panels $splitPanels)", async (test) => {
    const [N, height, width, ci] = test.shape;
    const outputs = N * height * width * test.co;
    const x = randomFloats(sizeOf(test.shape), 1);
    const { groups = 1 } = test;
    const weights = randomFloats((9 * ci * test.co) / groups, 2);
    const bias = randomFloats(test.co, 3);
    const before = randomFloats(outputs, 4);
    const reference = convolution3x3(x, test.shape, blockDiagonal(weights, 9, ci, test.co, groups), test.co).map(
      (value, i) => {
        if (test.accumulate) return before[i]! + value;
        const biased = value + bias[i % test.co]!;
        return test.relu ? Math.max(biased, 0) : biased;
      },
    );
    let border: Float64Array = new Float64Array();
    const results = await runEverywhere((memory) => {
      const { output } = prepare(memory, test, x, weights, bias, before);
      border = withBorder(output, reference);
      return [wholeOf(output)];
    });
    expectClose(results, 0, border, TOLERANCE);
    for (const [whole] of results.values()) {
      expect(whole!.every((value, i) => border[i] !== 0 || value === 0 || test.relu)).toBe(true);
    }
  });

  it("keeps padding channels exactly zero where their weights are", async () => {
    const test: Case = { shape: [1, 6, 6, 16], co: 16, transformed: false, keepPlanes: true, splitPanels: true };
    const weights = randomFloats(9 * 16 * 16).map((value, i) => (i % 16 < 5 ? value : 0));
    const results = await runEverywhere((memory) => {
      const { output } = prepare(
        memory,
        test,
        randomFloats(36 * 16),
        weights,
        new Float32Array(16),
        new Float32Array(36 * 16),
      );
      return [wholeOf(output)];
    });
    for (const [whole] of results.values()) {
      expect(whole!.every((value, i) => i % 16 < 5 || value === 0)).toBe(true);
      expect(whole!.some((value) => value !== 0)).toBe(true);
    }
  });
});

const GRADIENT_CASES: readonly { shape: Shape; co: number; groups?: number }[] = [
  { shape: [2, 8, 8, 16], co: 16 },
  { shape: [2, 5, 7, 48], co: 64 },
  { shape: [1, 1, 1, 16], co: 32 },
  { shape: [2, 13, 13, 112], co: 16 },
  { shape: [2, 6, 5, 128], co: 64, groups: 2 },
  { shape: [1, 9, 8, 48], co: 96, groups: 3 },
];

describe("winogradKernelGradient", () => {
  it.each(GRADIENT_CASES)("sums the gradient of $shape to $co channels", async ({ shape, co, groups = 1 }) => {
    const [N, height, width, ci] = shape;
    const x = randomFloats(sizeOf(shape), 1);
    const dy = randomFloats(N * height * width * co, 2);
    const [tilesX, tilesPerImage] = tilesOf(shape);
    const tiles = N * tilesPerImage;
    const results = await runEverywhere((memory) => {
      const input = paddedImages(memory, shape, x);
      const gradient = paddedImages(memory, [N, height, width, co], dy);
      const planeBytes = tiles * ci * 4 + 64;
      const gradientPlaneBytes = tiles * co * 4 + 64;
      const planes = memory.allocate(36 * planeBytes);
      const gradientPlanes = memory.allocate(36 * gradientPlaneBytes);
      const common = { tilesX, tilesPerImage };
      memory.call("winogradInput", tiles, {
        ...common,
        input: paddedCorner(input),
        imageBytes: input.imageBytes,
        rowBytes: input.rowBytes,
        channels: ci,
        planes,
        planeBytes,
      });
      memory.call("winogradGradient", tiles, {
        ...common,
        gradient: gradient.origin,
        imageBytes: gradient.imageBytes,
        rowBytes: gradient.rowBytes,
        channels: co,
        planes: gradientPlanes,
        planeBytes: gradientPlaneBytes,
      });
      const target = memory.floats((9 * ci * co) / groups);
      memory.call("winogradKernelGradient", ci / 16, {
        planes,
        planeBytes,
        gradientPlanes,
        gradientPlaneBytes,
        tiles,
        channels: ci,
        outputChannels: co,
        groupChannels: ci / groups,
        panelsPerGroup: co / 16 / groups,
        target,
      });
      return [[target, (9 * ci * co) / groups]];
    });
    const gradient = withinGroups(kernelGradient3x3(x, shape, dy, co), 9, ci, co, groups);
    expectClose(results, 0, panelWeights(gradient, 9, ci / groups, co, true), TOLERANCE);
  });
});
