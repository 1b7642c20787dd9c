import { describe, it } from "vitest";
import { expectClose, randomFloats, runEverywhere } from "./test-engine.ts";
import { paddedImages, type Shape, sizeOf, wholeOf, withBorder } from "./test-images.ts";

/** Products of two, and sums of up to some hundred, float32 values of order 1. */
const TOLERANCE = 1e-6;

const SHAPES: readonly Shape[] = [
  [2, 5, 7, 48],
  [3, 1, 1, 16],
  [1, 13, 13, 32],
];

/** Scales in (0, 1), as a sigmoid gives them. */
const scalesOf = ([N, , , channels]: Shape) => randomFloats(N * channels, 8).map((value) => (value + 1.5) / 3);

/** Of element i of `[N, H, W, C]`, that of `[N, C]`. */
const vectorIndex = ([, height, width, channels]: Shape, i: number) =>
  Math.floor(i / channels / height / width) * channels + (i % channels);

describe("sigmoid", () => {
  it("is exact to float32, from one end of its range to the other", async () => {
    const x = Float32Array.from({ length: 64 * 16 }, (_, i) => (i < 1000 ? (i - 500) / 11 : (i - 1011) * 1e4));
    const results = await runEverywhere((memory) => {
      const y = memory.floats(x.length);
      memory.call("sigmoid", x.length / 16, { x: memory.floats(x), y });
      return [[y, x.length]];
    });
    const reference = Array.from(x, (value) => 1 / (1 + Math.exp(-value)));
    // Rounding to float32, of values up to 1.
    expectClose(results, 0, reference, 6e-8);
    for (const [y] of results.values()) {
      // Relative to each value too, where float32 still has all its digits.
      const worst = Math.max(...y!.slice(0, 1000).map((value, i) => Math.abs(value / reference[i]! - 1)));
      if (!(worst <= 6e-8)) throw new Error(`A sigmoid is off by ${worst} of itself.`);
    }
  });
});

describe.each(SHAPES)("gate of [%i, %i, %i, %i]", (...shape) => {
  const [N, height, width, channels] = shape;
  const x = randomFloats(sizeOf(shape), 1);
  const dy = randomFloats(sizeOf(shape), 2);
  const scales = scalesOf(shape);
  const pixels = height * width;

  it.each([true, false])("scales what a ReLU passes (in place: %s)", async (inPlace) => {
    let expected: Float64Array = new Float64Array();
    const results = await runEverywhere((memory) => {
      const input = paddedImages(memory, shape, x);
      const output = inPlace ? input : paddedImages(memory, shape);
      const reference = Float64Array.from(x, (value, i) => Math.max(value, 0) * scales[vectorIndex(shape, i)]!);
      expected = withBorder(output, reference);
      memory.call("gate", N * height, {
        x: input.origin,
        xImageBytes: input.imageBytes,
        xRowBytes: input.rowBytes,
        scale: memory.floats(scales),
        y: output.origin,
        imageBytes: output.imageBytes,
        rowBytes: output.rowBytes,
        height,
        width,
        channels,
      });
      return [wholeOf(output)];
    });
    expectClose(results, 0, expected, TOLERANCE);
  });

  it("gives the gradient of what its sigmoid is taken of", async () => {
    const results = await runEverywhere((memory) => {
      const { origin, imageBytes, rowBytes } = paddedImages(memory, shape, x);
      const output = memory.floats(new Float32Array(N * channels).fill(5));
      memory.call("gateScaleGradient", (N * channels) / 16, {
        dy: memory.floats(dy),
        x: origin,
        imageBytes,
        rowBytes,
        scale: memory.floats(scales),
        height,
        width,
        channels,
        output,
      });
      return [[output, N * channels]];
    });
    const sums = new Float64Array(N * channels);
    x.forEach((value, i) => {
      sums[vectorIndex(shape, i)]! += Math.max(value, 0) * dy[i]!;
    });
    const reference = sums.map((sum, i) => sum * scales[i]! * (1 - scales[i]!));
    expectClose(results, 0, reference, TOLERANCE);
  });

  it("gives the gradient of its input, with that of the mean over it", async () => {
    const pooled = randomFloats(N * channels, 3);
    const results = await runEverywhere((memory) => {
      const { origin, imageBytes, rowBytes } = paddedImages(memory, shape, x);
      const gradient = memory.floats(dy);
      memory.call("gateInputGradient", N * height, {
        dy: gradient,
        x: origin,
        imageBytes,
        rowBytes,
        scale: memory.floats(scales),
        pooled: memory.floats(pooled),
        height,
        width,
        channels,
      });
      return [[gradient, dy.length]];
    });
    const reference = Float64Array.from(dy, (value, i) => {
      const at = vectorIndex(shape, i);
      return (x[i]! > 0 ? value * scales[at]! : 0) + pooled[at]! / pixels;
    });
    expectClose(results, 0, reference, TOLERANCE);
  });
});

describe("reluGradient", () => {
  it("keeps gradients where the activation is positive", async () => {
    const [gradient, y] = [randomFloats(16 * 7, 1), randomFloats(16 * 7, 2).map((value) => Math.max(value, 0))];
    const results = await runEverywhere((memory) => {
      const address = memory.floats(gradient);
      memory.call("reluGradient", 7, { gradient: address, y: memory.floats(y) });
      return [[address, gradient.length]];
    });
    const reference = gradient.map((value, i) => (y[i]! > 0 ? value : 0));
    expectClose(results, 0, reference, 0);
  });
});
