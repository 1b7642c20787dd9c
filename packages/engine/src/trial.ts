import type { MemoryPlan } from "./memory-plan.ts";
import type { OperationArguments, OperationName } from "./operations.ts";
import { floatBits, Program } from "./program.ts";

/** Floats of a region, and the operation that writes them. */
export interface TrialOutput {
  readonly operation: OperationName;
  readonly address: number;
  readonly floats: number;
}

/** A small program that runs every operation and every kernel, and where the answers are. */
export interface Trial {
  readonly program: Program;
  readonly outputs: readonly TrialOutput[];
  /** Operands of any sign: what {@link noise} fills. */
  readonly noise: { readonly address: number; readonly floats: number };
}

/** The register tile's rows, of which each number has a kernel of its own. */
const ROWS = [1, 2, 3, 4, 5, 6];
/** The longest operand, transformed kernels of Winograd: 36 planes of 16 × 16 floats and a gap. */
const OPERAND_FLOATS = 36 * (256 + 16);
/** What noise repeats after: a prime, so that no operand repeats after a pixel, a plane or a panel. */
const PERIOD = 1021;

const CHANNELS = 32;
const PANELS = CHANNELS / 16;
const [IMAGES, HEIGHT, WIDTH] = [2, 2, 3];
const LINES = IMAGES * HEIGHT;
const [PIXEL_BYTES, ROW_BYTES] = [CHANNELS * 4, WIDTH * CHANNELS * 4];
const IMAGE_BYTES = HEIGHT * ROW_BYTES;
const ACTIVATIONS = LINES * WIDTH * CHANNELS;
const lines = { imageBytes: IMAGE_BYTES, rowBytes: ROW_BYTES, height: HEIGHT, width: WIDTH, channels: CHANNELS };

/** Two tiles of Winograd, of 16 channels, in planes with a gap. */
const tiles = { imageBytes: 6 * 6 * 64, rowBytes: 6 * 64, channels: 16, tilesX: 1, tilesPerImage: 1 };
const TILES = 2;
const TILE_PLANE_BYTES = TILES * 64 + 64;
const WEIGHT_PLANE_BYTES = 16 * 64 + 64;

/** `floats` values in (−1, 1), the same everywhere. */
export function noise(floats: number): Float32Array {
  const values = new Float32Array(floats);
  const period = Math.min(PERIOD, floats);
  let state = 1;
  for (let i = 0; i < period; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = state / 2 ** 31;
  }
  for (let filled = period; filled < floats; filled += period) values.copyWithin(filled, 0, floats - filled);
  return values;
}

/** Places the trial. Everything in the memory's plan from `noise` on starts as noise, so that adding to it is tried too. */
export function placeTrial(memory: MemoryPlan): Trial {
  const builder = new TrialBuilder(memory);
  for (const emit of [emitProducts, emitWinograd, emitBatchNorm, emitElementwise, emitGate, emitUpdates]) emit(builder);
  return builder.finish();
}

/** Emits calls whose operands are pieces of the noise, and whose results each have a region. */
class TrialBuilder {
  readonly program = new Program();
  readonly #memory: MemoryPlan;
  readonly #noise: number;
  readonly #outputs: TrialOutput[] = [];
  /** Results that no call has taken yet. */
  #pending: Omit<TrialOutput, "operation">[] = [];

  constructor(memory: MemoryPlan) {
    this.#memory = memory;
    this.#noise = memory.allocate(OPERAND_FLOATS * 4);
  }

  /** Adds a call, whose results are all that was allocated by {@link result} since the call before. */
  call<Name extends OperationName>(operation: Name, units: number, args: OperationArguments<Name>): void {
    this.program.add(operation, units, args);
    for (const result of this.#pending) this.#outputs.push({ operation, ...result });
    this.#pending = [];
  }

  /** The address of an operand: noise from its panel `panel` on. */
  operand(panel = 0): number {
    return this.#noise + panel * 64;
  }

  /** The address of floats that the call writes, or adds to. */
  result(floats: number): number {
    const address = this.#memory.allocate(floats * 4);
    this.#pending.push({ address, floats });
    return address;
  }

  /** A table of offsets, `step` bytes apart. */
  table(length: number, step: number): number {
    return this.#memory.table(`trial ${length} ${step}`, length, (i) => i * step);
  }

  /** Floats that must be what they are: settings, or positive ones. */
  constant(floats: readonly number[]): number {
    const address = this.#memory.allocate(floats.length * 4);
    this.#memory.constants.push({ address, content: () => Int32Array.from(floats, floatBits) });
    return address;
  }

  /** As {@link constant}, written by the call: what has to be positive before it. */
  positiveResult(floats: number): number {
    const address = this.constant(positive(floats));
    this.#pending.push({ address, floats });
    return address;
  }

  finish(): Trial {
    return {
      program: this.program,
      outputs: this.#outputs,
      noise: { address: this.#noise, floats: (this.#memory.bytes - this.#noise) / 4 },
    };
  }
}

/** Values in (0.5, 1.5). */
const positive = (floats: number) => Array.from({ length: floats }, (_, i) => 0.5 + ((i * 377) % PERIOD) / PERIOD);

function emitProducts(trial: TrialBuilder): void {
  const groups = { panels: PANELS, panelsPerGroup: 1, groupBytes: 64, splitPanels: 0 };
  for (const rows of ROWS) {
    for (const accumulate of [0, 1]) {
      trial.call("convolve", rows, {
        ...groups,
        input: trial.operand(),
        inputTable: trial.table(rows, 192),
        runFloats: 9,
        runs: 2,
        runTable: trial.table(2, 448),
        weights: trial.operand(3),
        bias: trial.operand(1),
        output: trial.result(rows * CHANNELS),
        outputTable: trial.table(rows, PIXEL_BYTES),
        rows,
        chunk: 66,
        accumulate,
        relu: rows & 1,
      });
    }
    trial.call("kernelGradient", rows, {
      ...groups,
      input: trial.operand(),
      inputTable: trial.table(7, 192),
      runFloats: rows,
      runs: 1,
      runTable: trial.table(1, 0),
      gradient: trial.operand(5),
      gradientTable: trial.table(7, PIXEL_BYTES),
      rows: 7,
      chunk: 4,
      target: trial.result(rows * CHANNELS),
    });
  }
  const taps = 2;
  trial.call("transposeWeights", 1, {
    source: trial.operand(),
    panelBytes: taps * 16 * 64,
    channelBytes: 64,
    tapBytes: 16 * 64,
    taps: trial.table(taps, 1),
    tapCount: taps,
    outputChannels: CHANNELS,
    panelsPerGroup: 1,
    target: trial.result(taps * 16 * CHANNELS),
    targetPanelBytes: taps * CHANNELS * 64,
    targetChannelBytes: 64,
    targetTapBytes: CHANNELS * 64,
  });
}

function emitWinograd(trial: TrialBuilder): void {
  const planes = () => trial.result((36 * TILE_PLANE_BYTES) / 4);
  trial.call("winogradInput", TILES, {
    ...tiles,
    input: trial.operand(),
    planes: planes(),
    planeBytes: TILE_PLANE_BYTES,
  });
  trial.call("winogradGradient", TILES, {
    ...tiles,
    gradient: trial.operand(2),
    planes: planes(),
    planeBytes: TILE_PLANE_BYTES,
  });
  trial.call("winogradWeights", 1, {
    weights: trial.operand(),
    channels: 2,
    target: trial.result(36 * 2 * 16),
    planeBytes: 2 * 64,
  });
  for (const accumulate of [0, 1]) {
    trial.call("winograd", 1, {
      ...tiles,
      // One above the other, the second a row too high for the output.
      tilesPerImage: TILES,
      input: trial.operand(),
      planes: 0,
      planeBytes: TILE_PLANE_BYTES,
      transformInput: 1,
      tiles: TILES,
      weights: trial.operand(),
      // Raw kernels, and, added to what is there, transformed ones.
      transformed: accumulate,
      weightPlaneBytes: WEIGHT_PLANE_BYTES,
      bias: trial.operand(1),
      output: trial.result(7 * 4 * 16),
      outputImageBytes: 7 * 4 * 64,
      outputRowBytes: 4 * 64,
      outputChannels: 16,
      height: 7,
      width: 4,
      groupChannels: 16,
      panelsPerGroup: 1,
      accumulate,
      relu: 1,
      chunk: TILES,
      splitPanels: 0,
    });
  }
  trial.call("winogradKernelGradient", 1, {
    planes: trial.operand(),
    planeBytes: TILE_PLANE_BYTES,
    gradientPlanes: trial.operand(7),
    gradientPlaneBytes: TILE_PLANE_BYTES,
    tiles: TILES,
    channels: 16,
    outputChannels: 16,
    groupChannels: 16,
    panelsPerGroup: 1,
    target: trial.result(9 * 16 * 16),
  });
}

function emitBatchNorm(trial: TrialBuilder): void {
  const parts = 2;
  const vector = () => trial.result(CHANNELS);
  const image = { imageBytes: IMAGE_BYTES, rowBytes: ROW_BYTES };
  const identity = (x2: number) => ({ x2, x2ImageBytes: IMAGE_BYTES, x2RowBytes: ROW_BYTES });
  const affine = () => ({
    gamma: trial.operand(1),
    beta: trial.operand(3),
    epsilon: floatBits(1e-5),
    scale: vector(),
    bias: vector(),
    accumulateBias: 1,
  });
  trial.call("batchNormSums", parts, {
    ...lines,
    x: trial.operand(),
    lines: LINES,
    parts,
    sums: trial.result(parts * 2 * CHANNELS),
  });
  trial.call("batchNormForward", PANELS, {
    ...affine(),
    x: trial.operand(),
    channels: CHANNELS,
    parts,
    sums: trial.constant(positive(parts * 2 * CHANNELS)),
    count: floatBits(LINES * WIDTH),
    momentum: floatBits(0.1),
    runningMean: vector(),
    runningVar: trial.positiveResult(CHANNELS),
    mean: vector(),
    invStd: vector(),
  });
  trial.call("batchNormInference", PANELS, {
    ...affine(),
    runningMean: trial.operand(5),
    runningVar: trial.constant(positive(CHANNELS)),
  });
  for (const x2 of [0, trial.operand(11)]) {
    const branches = { x0: trial.operand(), x1: trial.operand(5), ...identity(x2) };
    trial.call("combine", LINES, {
      ...lines,
      ...branches,
      y: trial.result(ACTIVATIONS),
      scale0: trial.operand(1),
      scale1: trial.operand(3),
      scale2: trial.operand(5),
      bias: trial.operand(7),
      relu: Number(x2 !== 0),
    });
    trial.call("batchNormBackwardSums", parts, {
      ...lines,
      ...branches,
      dy: trial.operand(13),
      y: trial.operand(17),
      mean0: trial.operand(1),
      mean1: trial.operand(3),
      mean2: trial.operand(5),
      lines: LINES,
      parts,
      sums: trial.result(parts * 4 * CHANNELS),
    });
    trial.call("batchNormBackwardInput", LINES, {
      ...lines,
      ...branches,
      dy: trial.operand(13),
      y: trial.operand(17),
      d0: trial.result(ACTIVATIONS),
      d0ImageBytes: image.imageBytes,
      d0RowBytes: image.rowBytes,
      d1: trial.result(ACTIVATIONS),
      d2: x2 && trial.result(ACTIVATIONS),
      coefficients0: trial.operand(1),
      coefficients1: trial.operand(9),
      coefficients2: trial.operand(21),
    });
  }
  trial.call("batchNormBackward", PANELS, {
    channels: CHANNELS,
    parts,
    sums: trial.operand(),
    branch: 1,
    count: floatBits(LINES * WIDTH),
    gamma: trial.operand(1),
    mean: trial.operand(3),
    invStd: trial.operand(5),
    gammaGradient: vector(),
    betaGradient: vector(),
    coefficients: trial.result(3 * CHANNELS),
  });
}

function emitElementwise(trial: TrialBuilder): void {
  trial.call("padInput", LINES, {
    source: trial.operand(),
    target: trial.result(ACTIVATIONS),
    imageBytes: IMAGE_BYTES,
    rowBytes: ROW_BYTES,
    height: HEIGHT,
    lineBytes: ROW_BYTES - 4,
  });
  trial.call("averagePool", IMAGES * PANELS, {
    ...lines,
    input: trial.operand(),
    output: trial.result(IMAGES * CHANNELS),
  });
  trial.call("averagePoolGradient", LINES, {
    gradient: trial.operand(),
    height: HEIGHT,
    width: WIDTH,
    channels: CHANNELS,
    output: trial.result(ACTIVATIONS),
  });
  trial.call("columnSums", PANELS, {
    input: trial.operand(),
    rows: 5,
    channels: CHANNELS,
    output: trial.result(CHANNELS),
  });
  trial.call("reluGradient", PANELS, { gradient: trial.result(CHANNELS), y: trial.operand(3) });
  trial.call("clearBetweenGroups", PANELS, {
    gradient: trial.result(16 * CHANNELS),
    panelBytes: 16 * 64,
    channelBytes: 64,
    tapBytes: 16 * 64,
    channels: 16,
    tapCount: 1,
    panelsPerGroup: 1,
    inputs: 8,
    outputs: 8,
  });
}

function emitGate(trial: TrialBuilder): void {
  trial.call("sigmoid", PANELS, { x: trial.operand(), y: trial.result(CHANNELS) });
  trial.call("gate", LINES, {
    ...lines,
    x: trial.operand(),
    xImageBytes: IMAGE_BYTES,
    xRowBytes: ROW_BYTES,
    scale: trial.operand(3),
    y: trial.result(ACTIVATIONS),
  });
  trial.call("gateScaleGradient", IMAGES * PANELS, {
    ...lines,
    dy: trial.operand(),
    x: trial.operand(3),
    scale: trial.operand(5),
    output: trial.result(IMAGES * CHANNELS),
  });
  trial.call("gateInputGradient", LINES, {
    ...lines,
    dy: trial.result(ACTIVATIONS),
    x: trial.operand(3),
    scale: trial.operand(5),
    pooled: trial.operand(7),
  });
}

function emitUpdates(trial: TrialBuilder): void {
  for (const nesterov of [0, 1]) {
    trial.call("sgd", PANELS, {
      parameters: trial.result(CHANNELS),
      gradients: trial.operand(),
      velocity: trial.result(CHANNELS),
      settings: trial.constant([0.1, 0.9, 1e-4, 0.5, nesterov]),
    });
  }
  trial.call("adamw", PANELS, {
    parameters: trial.result(CHANNELS),
    gradients: trial.operand(),
    first: trial.result(CHANNELS),
    second: trial.positiveResult(CHANNELS),
    settings: trial.constant([0.5, 0.9, 0.1, 0.999, 0.001, 0.999, 0.01, 1.5, 0.25]),
  });
  trial.call("blend", PANELS, {
    source: trial.operand(),
    target: trial.result(CHANNELS),
    settings: trial.constant([0.9, 0.1]),
  });
  const kernels = trial.operand();
  trial.call("customL2", 1, {
    dense: kernels,
    pointwise: kernels + 9 * 64,
    gradientOffset: trial.result(10 * 16) - kernels,
    channels: 1,
    channelBytes: 64,
    tapBytes: 64,
    gamma3: trial.operand(1),
    runningVar3: trial.constant(positive(16)),
    gamma1: trial.operand(3),
    runningVar1: trial.constant(positive(16)),
    epsilon: floatBits(1e-5),
    settings: trial.constant([1e-2]),
  });
  trial.call("squaredSums", 2, { input: trial.operand(), panels: 5, chunk: 3, sums: trial.result(4) });
}
