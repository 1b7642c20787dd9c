import { BATCH_NORM } from "@repvgg/core";
import type { Emitter } from "./convolution.ts";
import { denseLayout, type ImageLayout, PANEL } from "./layouts.ts";
import { type BlockBuffers, BRANCHES, type BranchVectors } from "./network-buffers.ts";
import { gradientOf, type PlacedNetwork, slotOf } from "./placed-network.ts";
import { floatBits } from "./program.ts";

/** A batch normalization: the prefix of its entries, what it reads, and what it keeps. */
interface Normalization {
  readonly name: string;
  readonly x: ImageLayout;
  readonly vectors: BranchVectors;
}

/** Batch normalizations whose results are added up: those of a block's branches, or the only one of an auxiliary classifier. */
export interface NormalizedSum {
  /** One to three; the first two read dense activations. */
  readonly normalizations: readonly Normalization[];
  /** Of one float a channel: Σ β − mean · scale. */
  readonly bias: number;
  readonly sum: ImageLayout;
  readonly relu: boolean;
}

/** Partial sums: enough of them to share out and to keep float32 sums short. */
const MAX_PARTS = 32;

/** The sum of a block's branches. */
export function sumOfBranches({ plan }: PlacedNetwork, buffers: BlockBuffers): NormalizedSum {
  const { block, input, output, sum, dense, branches, bias, squeeze } = buffers;
  const shape = [output.images, ...block.outputSize, output.channels] as const;
  const read = [...dense.map((origin) => denseLayout(origin, shape)), input];
  return {
    normalizations: branches.map((vectors, i) => ({ name: `${block.name}.${BRANCHES[i]}`, x: read[i]!, vectors })),
    bias,
    sum,
    // With a squeeze-and-excitation before it, the ReLU comes later.
    relu: squeeze === undefined || plan.spec.squeezeExcitation === "after-relu",
  };
}

const stateOf = (network: PlacedNetwork, { normalizations, bias }: NormalizedSum, i: number) => {
  const { name, vectors } = normalizations[i]!;
  const of = (suffix: string) => slotOf(network, `${name}.${suffix}`).address;
  return {
    gamma: of("weight"),
    beta: of("bias"),
    runningMean: of("running_mean"),
    runningVar: of("running_var"),
    epsilon: floatBits(BATCH_NORM.epsilon),
    scale: vectors.scale,
    bias,
    accumulateBias: Number(i > 0),
  };
};

/** Scale and bias from the running statistics. */
export function emitInferenceCoefficients({ program }: Emitter, network: PlacedNetwork, sum: NormalizedSum): void {
  sum.normalizations.forEach((_, i) => {
    program.add("batchNormInference", sum.sum.channels / PANEL, stateOf(network, sum, i));
  });
}

const linesOf = ({ sum }: NormalizedSum) => {
  const lines = sum.images * sum.height;
  return { lines, parts: Math.min(MAX_PARTS, lines) };
};

const countOf = ({ sum: { images, height, width } }: NormalizedSum) => floatBits(images * height * width);

/** Scale and bias from the statistics of the batch, which also move the running ones. */
export function emitBatchStatistics({ memory, program }: Emitter, network: PlacedNetwork, sum: NormalizedSum): void {
  const { channels, height, width } = sum.sum;
  const { lines, parts } = linesOf(sum);
  const sums = memory.shared("batch norm sums", parts * 2 * channels * 4);
  sum.normalizations.forEach(({ x: { origin: x, imageBytes, rowBytes }, vectors }, i) => {
    program.add("batchNormSums", parts, { x, imageBytes, rowBytes, height, width, channels, lines, parts, sums });
    program.add("batchNormForward", channels / PANEL, {
      ...stateOf(network, sum, i),
      x,
      channels,
      parts,
      sums,
      count: countOf(sum),
      momentum: floatBits(BATCH_NORM.momentum),
      mean: vectors.mean,
      invStd: vectors.invStd,
    });
  });
}

/** The kernels add up two dense branches or three; a single one is its own second branch, of scale 0. */
const operands = ([first, second, third]: readonly Normalization[]) => ({
  x0: first!.x.origin,
  x1: (second ?? first!).x.origin,
  x2: third?.x.origin ?? 0,
  x2ImageBytes: third?.x.imageBytes ?? 0,
  x2RowBytes: third?.x.rowBytes ?? 0,
});

/** The sum itself, once scales and bias are there. */
export function emitSum({ memory, program }: Emitter, { normalizations, bias, sum, relu }: NormalizedSum): void {
  const [first, second, third] = normalizations;
  const { images, height, width, channels, origin: y, imageBytes, rowBytes } = sum;
  program.add("combine", images * height, {
    ...operands(normalizations),
    y,
    imageBytes,
    rowBytes,
    height,
    width,
    channels,
    scale0: first!.vectors.scale,
    scale1: second?.vectors.scale ?? memory.shared("zeros", channels * 4),
    scale2: third?.vectors.scale ?? 0,
    bias,
    relu: Number(relu),
  });
}

/** Where gradients go: `dy` is dense, of the sum after its ReLU; the others are of what the normalizations read. */
export interface SumGradients {
  readonly dy: number;
  readonly d0: ImageLayout;
  /** Dense. */
  readonly d1: number;
  /** Dense; of the third normalization. */
  readonly d2: number;
}

/** What says which gradients the ReLU lets through. */
function reluMask({ memory }: Emitter, { sum, relu }: NormalizedSum) {
  if (relu) return { y: sum.origin, imageBytes: sum.imageBytes, rowBytes: sum.rowBytes };
  // The ReLU came after the squeeze-and-excitation, which has seen to it. One row of ones is every row of every image.
  const floats = sum.width * sum.channels;
  return { y: memory.table(`ones ${floats}`, floats, () => floatBits(1)), imageBytes: 0, rowBytes: 0 };
}

/** Through ReLU and batch normalization: dγ, dβ, and the gradients of what was normalized. */
export function emitSumBackward(
  emitter: Emitter,
  network: PlacedNetwork,
  sum: NormalizedSum,
  { dy, d0, d1, d2 }: SumGradients,
): void {
  const { memory, program } = emitter;
  const { height, width, channels } = sum.sum;
  const { lines, parts } = linesOf(sum);
  const [first, second = first, third] = sum.normalizations;
  const common = { dy, ...reluMask(emitter, sum), ...operands(sum.normalizations), height, width, channels };
  const sums = memory.shared("batch norm backward sums", parts * 4 * channels * 4);
  program.add("batchNormBackwardSums", parts, {
    ...common,
    mean0: first!.vectors.mean,
    mean1: second!.vectors.mean,
    mean2: third?.vectors.mean ?? 0,
    lines,
    parts,
    sums,
  });
  const [coefficients0, coefficients1 = coefficients0, coefficients2 = 0] = sum.normalizations.map(
    ({ name, vectors: { mean, invStd } }, branch) => {
      const coefficients = memory.shared(`coefficients ${branch}`, 3 * channels * 4);
      program.add("batchNormBackward", channels / PANEL, {
        channels,
        parts,
        sums,
        branch,
        count: countOf(sum),
        gamma: slotOf(network, `${name}.weight`).address,
        mean,
        invStd,
        gammaGradient: gradientOf(network, `${name}.weight`),
        betaGradient: gradientOf(network, `${name}.bias`),
        coefficients,
      });
      return coefficients;
    },
  );
  program.add("batchNormBackwardInput", lines, {
    ...common,
    d0: d0.origin,
    d0ImageBytes: d0.imageBytes,
    d0RowBytes: d0.rowBytes,
    d1,
    d2,
    coefficients0: coefficients0!,
    coefficients1: coefficients1!,
    coefficients2,
  });
}
