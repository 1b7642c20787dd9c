import { type Emitter, emitLinear, emitRows, groupBytes } from "./convolution.ts";
import {
  type ImageLayout,
  linearTable,
  PANEL,
  paddedCorner,
  pixelTable,
  type Runs,
  singleRun,
  windowRuns,
} from "./layouts.ts";
import { gradientOf, type PlacedNetwork, slotOf } from "./placed-network.ts";

/** Rows whose products a kernel gradient sums before it adds them to the total: limits rounding, and fits the cache. */
const GRADIENT_CHUNK = 128;
/** Below so many rows of the gradient, threads share its panels. */
const FEW_ELEMENTS = 12;

interface KernelGradient extends Runs {
  readonly input: number;
  readonly inputTable: number;
  readonly gradient: number;
  readonly gradientTable: number;
  readonly rows: number;
  readonly outputChannels: number;
  readonly target: number;
  /** @default 1 */
  readonly groups?: number;
  /** From the inputs of a group to those of the next. */
  readonly groupBytes?: number;
}

/** The gradient of a kernel: one `kernelGradient` call over tables of rows. */
export function emitKernelGradient({ program }: Emitter, options: KernelGradient): void {
  const { outputChannels, groups = 1, groupBytes = 0, ...args } = options;
  const elements = args.runs * args.runFloats;
  const panels = outputChannels / PANEL;
  const splitPanels = elements < FEW_ELEMENTS;
  program.add("kernelGradient", splitPanels ? panels : elements, {
    ...args,
    panels,
    panelsPerGroup: panels / groups,
    groupBytes,
    chunk: GRADIENT_CHUNK,
    splitPanels: Number(splitPanels),
  });
}

interface KernelGradient3x3 {
  /** Of the kernel. */
  readonly name: string;
  readonly input: ImageLayout;
  readonly gradient: ImageLayout;
  readonly stride: number;
  readonly groups: number;
}

/** The gradient of the kernel of a direct 3×3 convolution with padding 1. */
export function emitKernelGradient3x3(emitter: Emitter, network: PlacedNetwork, options: KernelGradient3x3): void {
  const { name, input, gradient, stride, groups } = options;
  const { memory } = emitter;
  const { address: inputTable, rows } = pixelTable(memory, input, stride);
  emitKernelGradient(emitter, {
    ...windowRuns(memory, input, [3, 3], groups),
    input: paddedCorner(input),
    inputTable,
    groups,
    groupBytes: groupBytes(input, groups),
    gradient: gradient.origin,
    gradientTable: pixelTable(memory, gradient).address,
    rows,
    outputChannels: gradient.channels,
    target: gradientOf(network, name),
  });
}

/** Kernel rows (or columns) that reach the even and the odd pixels of the input of a stride-2 convolution, in run order. */
const PHASE_TAPS = [[1], [2, 0]] as const;

interface StridedInputGradient {
  /** The kernel. */
  readonly source: number;
  readonly groups: number;
  /** Of the output, zero-bordered. */
  readonly gradient: ImageLayout;
  readonly dx: ImageLayout;
  /** @default false */
  readonly accumulate?: boolean;
}

/** The input gradient of a 3×3 convolution of stride 2: each parity of pixels is a small convolution of its own. */
export function emitStridedInputGradient(emitter: Emitter, options: StridedInputGradient): void {
  const { source, groups, gradient, dx, accumulate = false } = options;
  for (const oddY of [0, 1] as const) {
    for (const oddX of [0, 1] as const) {
      const [rows, columns] = [PHASE_TAPS[oddY], PHASE_TAPS[oddX]];
      const outputPixels = pixelTable(emitter.memory, dx, 2, [oddY, oddX]);
      if (outputPixels.rows === 0) continue;
      const taps = rows.flatMap((y) => columns.map((x) => y * 3 + x));
      const size = { height: Math.ceil((dx.height - oddY) / 2), width: Math.ceil((dx.width - oddX) / 2) };
      const window = { ...gradient, ...size };
      const channels = { input: dx.channels, output: gradient.channels, groups };
      emitRows(emitter, {
        ...windowRuns(emitter.memory, gradient, [rows.length, columns.length], groups),
        input: gradient.origin,
        inputTable: pixelTable(emitter.memory, window).address,
        groups,
        groupBytes: groupBytes(gradient, groups),
        weights: emitTranspose(emitter, { source, taps, allTaps: 9, ...channels, tapsInside: false }),
        output: dx.origin,
        outputTable: outputPixels.address,
        rows: outputPixels.rows,
        outputChannels: dx.channels,
        accumulate,
      });
    }
  }
}

interface Transposition {
  readonly source: number;
  readonly taps: readonly number[];
  readonly allTaps: number;
  /** Channels of all groups. */
  readonly input: number;
  readonly output: number;
  /** @default 1 */
  readonly groups?: number;
  readonly tapsInside: boolean;
}

/** A kernel with input and output channels of each group exchanged, and `taps` of it in that order; in a shared buffer. */
export function emitTranspose({ memory, program }: Emitter, options: Transposition): number {
  const { source, taps, allTaps, input, output, groups = 1, tapsInside } = options;
  const [from, to] = [input / groups, output / groups];
  const target = memory.shared("transposed weights", taps.length * input * to * 4);
  program.add("transposeWeights", input / PANEL, {
    source,
    panelBytes: allTaps * from * 64,
    channelBytes: tapsInside ? allTaps * 64 : 64,
    tapBytes: tapsInside ? 64 : from * 64,
    taps: memory.table(`taps ${taps}`, taps.length, (i) => taps[i]!),
    tapCount: taps.length,
    outputChannels: to,
    panelsPerGroup: from / PANEL,
    target,
    targetPanelBytes: taps.length * to * 64,
    targetChannelBytes: tapsInside ? taps.length * 64 : 64,
    targetTapBytes: tapsInside ? 64 : to * 64,
  });
  return target;
}

/** A matrix `name.weight` with its bias, `[N, from] → [N, to]`, and the addresses that its backward pass reads and writes. */
interface LinearBackward {
  readonly name: string;
  readonly input: number;
  readonly from: number;
  readonly gradient: number;
  readonly to: number;
  readonly inputGradient: number;
}

/** Gradients of a linear layer's bias, matrix and input. */
export function emitLinearBackward(emitter: Emitter, network: PlacedNetwork, layer: LinearBackward): void {
  const { memory, program } = emitter;
  const { name, input, from, gradient, to, inputGradient } = layer;
  const rows = network.batch;
  program.add("columnSums", to / PANEL, {
    input: gradient,
    rows,
    channels: to,
    output: gradientOf(network, `${name}.bias`),
  });
  emitKernelGradient(emitter, {
    ...singleRun(memory, from),
    input,
    inputTable: linearTable(memory, rows, from * 4),
    gradient,
    gradientTable: linearTable(memory, rows, to * 4),
    rows,
    outputChannels: to,
    target: gradientOf(network, `${name}.weight`),
  });
  const source = slotOf(network, `${name}.weight`).address;
  emitLinear(emitter, {
    input: gradient,
    output: inputGradient,
    weights: emitTranspose(emitter, { source, taps: [0], allTaps: 1, input: from, output: to, tapsInside: false }),
    rows,
    from: to,
    to: from,
  });
}
