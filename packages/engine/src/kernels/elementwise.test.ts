import { describe, expect, it } from "vitest";
import { expectClose, randomFloats, runEverywhere } from "./test-engine.ts";
import { paddedImages, type Shape, sizeOf, wholeOf, withBorder } from "./test-images.ts";

/** Sums of some hundred float32 values of order 1. */
const TOLERANCE = 1e-6;

describe("padInput", () => {
  it.each([
    [2, 5, 7, 3],
    [1, 1, 1, 1],
    [3, 4, 2, 16],
  ] as const)("copies [%i, %i, %i, %i] into a zero border", async (...shape) => {
    const [N, height, width, channels] = shape;
    const x = randomFloats(sizeOf(shape));
    let expected: Float64Array = new Float64Array();
    const results = await runEverywhere((memory) => {
      const layout = paddedImages(memory, shape);
      expected = withBorder(layout, x);
      memory.call("padInput", N * height, {
        source: memory.floats(x),
        target: layout.origin,
        imageBytes: layout.imageBytes,
        rowBytes: layout.rowBytes,
        height,
        lineBytes: width * channels * 4,
      });
      return [wholeOf(layout)];
    });
    expectClose(results, 0, expected, 0);
  });
});

const SHAPES: readonly Shape[] = [
  [2, 5, 7, 48],
  [3, 1, 1, 16],
  [1, 13, 13, 32],
];

describe("averagePool", () => {
  it.each(SHAPES)("averages [%i, %i, %i, %i] over the pixels", async (...shape) => {
    const [N, height, width, channels] = shape;
    const x = randomFloats(sizeOf(shape));
    const results = await runEverywhere((memory) => {
      const { origin, imageBytes, rowBytes } = paddedImages(memory, shape, x);
      const output = memory.floats(new Float32Array(N * channels).fill(5));
      memory.call("averagePool", (N * channels) / 16, {
        input: origin,
        imageBytes,
        rowBytes,
        height,
        width,
        channels,
        output,
      });
      return [[output, N * channels]];
    });
    const pixels = height * width;
    const means = new Float64Array(N * channels);
    x.forEach((value, i) => {
      means[Math.floor(i / channels / pixels) * channels + (i % channels)]! += value / pixels;
    });
    expectClose(results, 0, means, TOLERANCE);
  });

  it.each(SHAPES)("gives its gradient [%i, %i, %i, %i] to every pixel", async (...shape) => {
    const [N, height, width, channels] = shape;
    const gradient = randomFloats(N * channels);
    const size = sizeOf(shape);
    const results = await runEverywhere((memory) => {
      const output = memory.floats(size);
      memory.call("averagePoolGradient", N * height, {
        gradient: memory.floats(gradient),
        height,
        width,
        channels,
        output,
      });
      return [[output, size]];
    });
    const pixels = height * width;
    const reference = Float64Array.from({ length: size }, (_, i) => {
      return gradient[Math.floor(i / channels / pixels) * channels + (i % channels)]! / pixels;
    });
    expectClose(results, 0, reference, TOLERANCE);
  });
});

describe("columnSums", () => {
  it.each([
    [1, 16],
    [37, 80],
  ])("sums %i rows of %i channels", async (rows, channels) => {
    const x = randomFloats(rows * channels);
    const results = await runEverywhere((memory) => {
      const output = memory.floats(new Float32Array(channels).fill(5));
      memory.call("columnSums", channels / 16, { input: memory.floats(x), rows, channels, output });
      return [[output, channels]];
    });
    const reference = new Float64Array(channels);
    x.forEach((value, i) => {
      reference[i % channels]! += value;
    });
    expectClose(results, 0, reference, TOLERANCE);
  });
});

describe("launch", () => {
  it("lets no call begin before the one ahead of it has ended on all threads", async () => {
    const [rounds, rows, channels] = [200, 64, 32];
    const results = await runEverywhere((memory) => {
      const x = memory.floats(rows * channels);
      const sums = memory.floats(channels);
      const addition = {
        parameters: x,
        gradients: memory.floats(new Float32Array(rows * channels).fill(1)),
        velocity: memory.floats(rows * channels),
        settings: memory.floats([-1, 0, 0, 1, 0]),
      };
      for (let i = 0; i < rounds; i++) {
        memory.call("sgd", (rows * channels) / 16, addition);
        // Every row becomes the mean of all rows, which are equal: a thread that comes early sees rows to which 1 is not added.
        memory.call("columnSums", channels / 16, { input: x, rows, channels, output: sums });
        memory.call("averagePoolGradient", rows, { gradient: sums, height: rows, width: 1, channels, output: x });
      }
      return [[x, rows * channels]];
    });
    for (const [values] of results.values()) expect(values!.every((value) => value === rounds)).toBe(true);
  });
});

/** Of the second region, by variant: whether a sign is set in each panel. */
const signs = (results: Awaited<ReturnType<typeof runEverywhere>>) =>
  [...results.values()].map(([, special]) => {
    const words = new Int32Array(special!.buffer);
    return Array.from({ length: words.length / 16 }, (_, p) =>
      words.subarray(16 * p, 16 * p + 16).some((word) => word < 0),
    );
  });

describe("arrangeRows", () => {
  /** [taps, inputs, outputs, the first row, rows] */
  it.each([
    [9, 5, 40, 0, 45],
    [9, 5, 37, 13, 20],
    [1, 3, 16, 2, 1],
  ])(
    "puts rows of %i taps, %i inputs and %i outputs, %i to %i, into panels",
    async (taps, inputs, outputs, firstRow, rows) => {
      const array = randomFloats(taps * inputs * outputs);
      const panels = Math.ceil(outputs / 16);
      const length = panels * inputs * taps * 16;
      const expected = new Float64Array(length);
      for (let row = firstRow; row < firstRow + rows; row++) {
        const [tap, input] = [Math.floor(row / inputs), row % inputs];
        for (let o = 0; o < outputs; o++) {
          expected[((Math.floor(o / 16) * inputs + input) * taps + tap) * 16 + (o % 16)] = array[row * outputs + o]!;
        }
      }
      const pieces = Array.from({ length: panels }, (_, p) => [
        16 * p,
        Math.min(16, outputs - 16 * p),
        p * inputs * taps * 16,
      ]);
      const results = await runEverywhere((memory) => {
        const target = memory.floats(length);
        const special = memory.floats(panels * 16);
        memory.call("arrangeRows", panels, {
          source: memory.floats(array.subarray(firstRow * outputs, (firstRow + rows) * outputs)),
          rowBytes: outputs * 4,
          firstRow,
          rows,
          inputs,
          pieces: memory.table(pieces.flat()),
          target,
          tapBytes: 64,
          inputBytes: taps * 64,
          special,
        });
        return [
          [target, length],
          [special, panels * 16],
        ];
      });
      expectClose(results, 0, expected, 0);
      expect(signs(results).flat()).not.toContain(true);
    },
  );
});

describe("arrangeRows of what is not finite", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "tells in which piece %d is",
    async (value) => {
      for (const [at, piece] of [
        [0, 0],
        [39, 2],
        [3 * 40 + 17, 1],
      ] as const) {
        const array = randomFloats(4 * 40).fill(3e38, 100, 120);
        array[at] = value;
        const results = await runEverywhere((memory) => {
          const [target, special] = [memory.floats(4 * 48), memory.floats(3 * 16)];
          memory.call("arrangeRows", 3, {
            source: memory.floats(array),
            rowBytes: 40 * 4,
            firstRow: 0,
            rows: 4,
            inputs: 4,
            pieces: memory.table([0, 16, 0, 16, 16, 64, 32, 8, 128]),
            target,
            tapBytes: 0,
            inputBytes: 64,
            special,
          });
          return [
            [target, 4 * 48],
            [special, 3 * 16],
          ];
        });
        for (const found of signs(results)) expect(found).toEqual([0, 1, 2].map((p) => p === piece));
      }
    },
  );
});
