import { describe, it } from "vitest";
import { floatBits } from "../program.ts";
import { expectClose, type Region, randomFloats, runEverywhere, type TestMemory } from "./test-engine.ts";
import { paddedImages, type Shape, sizeOf, wholeOf, withBorder } from "./test-images.ts";

/** A few float32 roundings of values of order 1, sums of some hundred terms combined in float64. */
const TOLERANCE = 2e-6;
const EPSILON = Math.fround(1e-5);
const MOMENTUM = Math.fround(0.1);

const SHAPES: readonly Shape[] = [
  [2, 5, 7, 48],
  [3, 1, 1, 16],
  [1, 13, 13, 16],
  [2, 8, 8, 80],
];

/** Channels with their own mean and spread: 30 ± 0.5 would lose three digits without the shift. */
const activations = (shape: Shape, seed: number) =>
  randomFloats(sizeOf(shape), seed).map(
    (value, i) => value * (0.5 + (i % shape[3]) / 50) + ((i % shape[3]) - 20) * 1.5,
  );

interface Statistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

function statistics(x: Float32Array, channels: number): Statistics {
  const count = x.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  x.forEach((value, i) => {
    mean[i % channels]! += value / count;
  });
  x.forEach((value, i) => {
    variance[i % channels]! += (value - mean[i % channels]!) ** 2 / count;
  });
  return { mean, variance };
}

describe("batchNormSums and batchNormForward", () => {
  it.each(SHAPES)("normalise [%i, %i, %i, %i] by the batch and move the running statistics", async (...shape) => {
    const [N, height, width, channels] = shape;
    const x = activations(shape, 1);
    const [gamma, beta, oldMean, oldVar] = [2, 3, 4, 5].map((seed) => randomFloats(channels, seed));
    const lines = N * height;
    const parts = Math.min(5, lines);
    const count = lines * width;
    const results = await runEverywhere((memory) => {
      const { origin, imageBytes, rowBytes } = paddedImages(memory, shape, x);
      const sums = memory.floats(new Float32Array(parts * 2 * channels).fill(9));
      memory.call("batchNormSums", parts, {
        x: origin,
        imageBytes,
        rowBytes,
        height,
        width,
        channels,
        lines,
        parts,
        sums,
      });
      const vector = () => memory.floats(channels);
      const outputs = { mean: vector(), invStd: vector(), scale: vector(), bias: memory.floats(beta!) };
      const running = { runningMean: memory.floats(oldMean!), runningVar: memory.floats(oldVar!) };
      memory.call("batchNormForward", channels / 16, {
        x: origin,
        channels,
        parts,
        sums,
        count: floatBits(count),
        gamma: memory.floats(gamma!),
        beta: memory.floats(beta!),
        ...running,
        momentum: floatBits(MOMENTUM),
        epsilon: floatBits(EPSILON),
        ...outputs,
        accumulateBias: 1,
      });
      return [...Object.values(outputs), ...Object.values(running)].map((address): Region => [address, channels]);
    });
    const { mean, variance } = statistics(x, channels);
    const invStd = variance.map((value) => 1 / Math.sqrt(value + EPSILON));
    const scale = invStd.map((value, c) => value * gamma![c]!);
    const unbiased = variance.map((value) => (value * count) / Math.max(count - 1, 1));
    const mixed = (old: Float32Array, now: Float64Array) =>
      now.map((value, c) => old[c]! + MOMENTUM * (value - old[c]!));
    expectClose(results, 0, mean, TOLERANCE);
    expectClose(results, 1, invStd, TOLERANCE);
    expectClose(results, 2, scale, TOLERANCE);
    // beta was there before and is added once more.
    expectClose(
      results,
      3,
      scale.map((value, c) => 2 * beta![c]! - mean[c]! * value),
      TOLERANCE,
    );
    expectClose(results, 4, mixed(oldMean!, mean), TOLERANCE);
    expectClose(results, 5, mixed(oldVar!, unbiased), TOLERANCE);
  });
});

describe("batchNormInference", () => {
  it.each([0, 1])("uses the running statistics (accumulate %i)", async (accumulateBias) => {
    const channels = 48;
    const [gamma, beta, mean, before] = [1, 2, 3, 4].map((seed) => randomFloats(channels, seed));
    const variance = randomFloats(channels, 5).map((value) => value + 1.01);
    const results = await runEverywhere((memory) => {
      const scale = memory.floats(channels);
      const bias = memory.floats(before!);
      memory.call("batchNormInference", channels / 16, {
        gamma: memory.floats(gamma!),
        beta: memory.floats(beta!),
        runningMean: memory.floats(mean!),
        runningVar: memory.floats(variance),
        epsilon: floatBits(EPSILON),
        scale,
        bias,
        accumulateBias,
      });
      return [scale, bias].map((address): Region => [address, channels]);
    });
    const scale = Float64Array.from(variance, (value, c) => gamma![c]! / Math.sqrt(value + EPSILON));
    expectClose(results, 0, scale, TOLERANCE);
    const bias = scale.map((value, c) => accumulateBias * before![c]! + beta![c]! - mean![c]! * value);
    expectClose(results, 1, bias, TOLERANCE);
  });
});

/** Two or three branches of a block, in memory. */
function placeBranches(memory: TestMemory, shape: Shape, xs: readonly Float32Array[]) {
  const identity = xs[2] ? paddedImages(memory, shape, xs[2]) : undefined;
  return {
    x0: memory.floats(xs[0]!),
    x1: memory.floats(xs[1]!),
    x2: identity?.origin ?? 0,
    x2ImageBytes: identity?.imageBytes ?? 0,
    x2RowBytes: identity?.rowBytes ?? 0,
  };
}

const BLOCKS = SHAPES.flatMap((shape) => [2, 3].map((branches) => ({ shape, branches })));

describe("combine", () => {
  const CASES = BLOCKS.map((block, i) => ({ ...block, relu: i % 3 !== 1 }));
  it.each(CASES)("$branches branches of $shape, with ReLU: $relu", async ({ shape, branches, relu }) => {
    const [N, height, width, channels] = shape;
    const xs = [1, 2, 3].slice(0, branches).map((seed) => randomFloats(sizeOf(shape), seed));
    const scales = [4, 5, 6].map((seed) => randomFloats(channels, seed));
    const bias = randomFloats(channels, 7);
    const reference = Float64Array.from(xs[0]!, (_, i) => {
      const c = i % channels;
      const sum = xs.reduce((total, x, branch) => total + x[i]! * scales[branch]![c]!, bias[c]!);
      return relu ? Math.max(sum, 0) : sum;
    });
    let expected: Float64Array = new Float64Array();
    const results = await runEverywhere((memory) => {
      const output = paddedImages(memory, shape);
      expected = withBorder(output, reference);
      const { origin: y, imageBytes, rowBytes } = output;
      const [scale0, scale1, scale2] = scales.map((scale) => memory.floats(scale));
      memory.call("combine", N * height, {
        ...placeBranches(memory, shape, xs),
        y,
        imageBytes,
        rowBytes,
        height,
        width,
        channels,
        scale0: scale0!,
        scale1: scale1!,
        scale2: branches === 3 ? scale2! : 0,
        bias: memory.floats(bias),
        relu: Number(relu),
      });
      return [wholeOf(output)];
    });
    expectClose(results, 0, expected, TOLERANCE);
  });

  it("passes NaN on", async () => {
    const results = await runEverywhere((memory) => {
      const vector = () => memory.floats(16);
      const y = vector();
      const scale = vector();
      const x0 = memory.floats(new Float32Array(16).fill(Number.NaN));
      const layout = { imageBytes: 64, rowBytes: 64, x2: 0, x2ImageBytes: 0, x2RowBytes: 0, height: 1, width: 1 };
      const scales = { scale0: scale, scale1: scale, scale2: 0, bias: vector() };
      memory.call("combine", 1, { ...layout, ...scales, x0, x1: vector(), y, channels: 16, relu: 1 });
      return [[y, 16]];
    });
    for (const [y] of results.values()) if (!y!.every(Number.isNaN)) throw new Error(`NaN became ${y}`);
  });
});

describe("batch norm's backward pass", () => {
  it.each(BLOCKS)("gives dγ, dβ and dx of $branches branches of $shape", async ({ shape, branches }) => {
    const [N, height, width, channels] = shape;
    const size = sizeOf(shape);
    const count = size / channels;
    const xs = [1, 2, 3].slice(0, branches).map((seed) => activations(shape, seed));
    const dy = randomFloats(size, 4);
    const y = randomFloats(size, 5).map((value) => Math.max(value, 0));
    const gammas = xs.map((_, branch) => randomFloats(channels, 10 + branch));
    const stats = xs.map((x) => statistics(x, channels));
    const means = stats.map(({ mean }) => Float32Array.from(mean));
    const invStds = stats.map(({ variance }) => variance.map((value) => 1 / Math.sqrt(value + EPSILON)));
    let d0Expected: (values: Float64Array) => Float64Array = (values) => values;

    const results = await runEverywhere((memory) => {
      const output = paddedImages(memory, shape, y);
      const d0 = paddedImages(memory, shape);
      d0Expected = (values) => withBorder(d0, values);
      const lines = N * height;
      const parts = Math.min(4, lines);
      const sums = memory.floats(new Float32Array(parts * 4 * channels).fill(9));
      const common = {
        dy: memory.floats(dy),
        y: output.origin,
        imageBytes: output.imageBytes,
        rowBytes: output.rowBytes,
        ...placeBranches(memory, shape, xs),
        height,
        width,
        channels,
      };
      const mean = means.map((values) => memory.floats(values));
      const [mean0, mean1, mean2 = 0] = mean;
      memory.call("batchNormBackwardSums", parts, {
        ...common,
        mean0: mean0!,
        mean1: mean1!,
        mean2,
        lines,
        parts,
        sums,
      });
      const regions: Region[] = [];
      const coefficients = xs.map((_, branch) => {
        const target = memory.floats(3 * channels);
        const [gammaGradient, betaGradient] = [memory.floats(channels), memory.floats(channels)];
        regions.push([gammaGradient, channels], [betaGradient, channels]);
        memory.call("batchNormBackward", channels / 16, {
          channels,
          parts,
          sums,
          branch,
          count: floatBits(count),
          gamma: memory.floats(gammas[branch]!),
          mean: mean[branch]!,
          invStd: memory.floats(invStds[branch]!),
          gammaGradient,
          betaGradient,
          coefficients: target,
        });
        return target;
      });
      const [d1, d2] = [memory.floats(size), branches === 3 ? memory.floats(size) : 0];
      memory.call("batchNormBackwardInput", lines, {
        ...common,
        d0: d0.origin,
        d0ImageBytes: d0.imageBytes,
        d0RowBytes: d0.rowBytes,
        d1,
        d2,
        coefficients0: coefficients[0]!,
        coefficients1: coefficients[1]!,
        coefficients2: coefficients[2] ?? 0,
      });
      return [...regions, wholeOf(d0), [d1, size], ...(d2 ? [[d2, size] as const] : [])];
    });

    for (const [branch, x] of xs.entries()) {
      const { gammaGradient, betaGradient, dx } = batchNormGradients(x, dy, y, gammas[branch]!, {
        mean: means[branch]!,
        invStd: invStds[branch]!,
      });
      // Means are up to 90 and spreads about 1: x · v + w cancels two digits of the float32 coefficients.
      const cancelling = 90 * TOLERANCE;
      expectClose(results, 2 * branch, gammaGradient, TOLERANCE);
      expectClose(results, 2 * branch + 1, betaGradient, TOLERANCE);
      expectClose(results, 2 * branches + branch, branch === 0 ? d0Expected(dx) : dx, cancelling);
    }
  });
});

/** PyTorch's gradients of a batch normalization in training mode, followed by a ReLU whose output is y. */
function batchNormGradients(
  x: Float32Array,
  dy: Float32Array,
  y: Float32Array,
  gamma: Float32Array,
  { mean, invStd }: { mean: Float32Array; invStd: Float64Array },
) {
  const channels = gamma.length;
  const count = x.length / channels;
  const g = Float64Array.from(dy, (value, i) => (y[i]! > 0 ? value : 0));
  const normalized = Float64Array.from(x, (value, i) => (value - mean[i % channels]!) * invStd[i % channels]!);
  const gammaGradient = new Float64Array(channels);
  const betaGradient = new Float64Array(channels);
  g.forEach((value, i) => {
    betaGradient[i % channels]! += value;
    gammaGradient[i % channels]! += value * normalized[i]!;
  });
  const dx = g.map((value, i) => {
    const c = i % channels;
    const centred = value - betaGradient[c]! / count - (normalized[i]! * gammaGradient[c]!) / count;
    return gamma[c]! * invStd[c]! * centred;
  });
  return { gammaGradient, betaGradient, dx };
}
