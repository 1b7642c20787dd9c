/**
 * Speed of the products, in GFLOP/s of one core: `node scripts/bench-kernels.ts` (with the V8 flag set, on Node ≥ 24).
 *
 * Winograd's figure counts the multiplications and additions of the direct convolution, so it can exceed the peak.
 */
import { type EngineVariant, loadEngine } from "../src/binaries.ts";
import { paddedCorner, paddedLayout } from "../src/layouts.ts";
import { type OperationArguments, type OperationName, RESERVED_BYTES } from "../src/operations.ts";
import { enableWideKernels } from "../src/probe.ts";
import { Program } from "../src/program.ts";

const VARIANTS: readonly EngineVariant[] = ["wide-fma", "narrow-fma", "narrow"];
const PAGES = 2048;
const REPETITIONS = 30;

/** One call to time. */
interface Bench {
  readonly name: string;
  readonly flops: number;
  prepare(bench: Place): { operation: OperationName; units: number; args: OperationArguments<OperationName> };
}

class Place {
  readonly memory = new WebAssembly.Memory({ initial: PAGES, maximum: 65536, shared: true });
  #top = RESERVED_BYTES;

  constructor() {
    // Any floats but denormal ones.
    new Float32Array(this.memory.buffer, RESERVED_BYTES).fill(0.01);
  }

  allocate(bytes: number): number {
    const address = this.#top;
    this.#top += Math.ceil(bytes / 64) * 64;
    return address;
  }

  table(length: number, step: number): number {
    const address = this.allocate(length * 4);
    new Int32Array(this.memory.buffer, address, length).forEach((_, i, table) => {
      table[i] = i * step;
    });
    return address;
  }
}

function product(rows: number, depth: number, columns: number): Bench {
  return {
    name: `convolve ${rows} × ${depth} × ${columns}`,
    flops: 2 * rows * depth * columns,
    prepare: (place) => ({
      operation: "convolve",
      units: rows,
      args: {
        input: place.allocate(rows * depth * 4),
        inputTable: place.table(rows, depth * 4),
        runFloats: depth,
        runs: 1,
        runTable: place.table(1, 0),
        weights: place.allocate(depth * columns * 4),
        bias: place.allocate(columns * 4),
        output: place.allocate(rows * columns * 4),
        outputTable: place.table(rows, columns * 4),
        rows,
        panels: columns / 16,
        panelsPerGroup: columns / 16,
        groupBytes: 0,
        chunk: 66,
        accumulate: 0,
        relu: 1,
        splitPanels: 0,
      } satisfies OperationArguments<"convolve"> as never,
    }),
  };
}

function kernelGradient(rows: number, elements: number, columns: number): Bench {
  return {
    name: `kernelGradient ${elements} × ${rows} × ${columns}`,
    flops: 2 * rows * elements * columns,
    prepare: (place) => ({
      operation: "kernelGradient",
      units: elements,
      args: {
        input: place.allocate(rows * elements * 4),
        inputTable: place.table(rows, elements * 4),
        runFloats: elements,
        runs: 1,
        runTable: place.table(1, 0),
        gradient: place.allocate(rows * columns * 4),
        gradientTable: place.table(rows, columns * 4),
        rows,
        panels: columns / 16,
        panelsPerGroup: columns / 16,
        groupBytes: 0,
        chunk: 96,
        target: place.allocate(elements * columns * 4),
        splitPanels: 0,
      } satisfies OperationArguments<"kernelGradient"> as never,
    }),
  };
}

function winograd(images: number, side: number, channels: number, transformed: boolean): Bench {
  return {
    name: `winograd ${images} × ${side} × ${side} × ${channels}${transformed ? ", transformed" : ""}`,
    flops: 2 * images * side * side * channels * channels * 9,
    prepare: (place) => {
      const layout = () => paddedLayout((bytes) => place.allocate(bytes), [images, side, side, channels]);
      const [input, output] = [layout(), layout()];
      const perSide = Math.ceil(side / 4);
      const tiles = images * perSide * perSide;
      const weightPlaneBytes = channels * channels * 4 + 64;
      return {
        operation: "winograd",
        units: 1,
        args: {
          input: paddedCorner(input),
          imageBytes: input.imageBytes,
          rowBytes: input.rowBytes,
          channels,
          tilesX: perSide,
          tilesPerImage: perSide * perSide,
          planes: 0,
          planeBytes: Math.min(tiles, 64) * channels * 4 + 64,
          transformInput: 1,
          tiles,
          weights: place.allocate(36 * weightPlaneBytes),
          transformed: Number(transformed),
          weightPlaneBytes,
          bias: place.allocate(channels * 4),
          output: output.origin,
          outputImageBytes: output.imageBytes,
          outputRowBytes: output.rowBytes,
          outputChannels: channels,
          height: side,
          width: side,
          groupChannels: channels,
          panelsPerGroup: channels / 16,
          accumulate: 0,
          relu: 1,
          chunk: 64,
          splitPanels: 0,
        } satisfies OperationArguments<"winograd"> as never,
      };
    },
  };
}

function winogradKernelGradient(tiles: number, channels: number): Bench {
  return {
    name: `winogradKernelGradient ${tiles} tiles × ${channels}`,
    flops: 2 * tiles * channels * channels * 36,
    prepare: (place) => {
      const planeBytes = tiles * channels * 4 + 64;
      return {
        operation: "winogradKernelGradient",
        units: channels / 16,
        args: {
          planes: place.allocate(36 * planeBytes),
          planeBytes,
          gradientPlanes: place.allocate(36 * planeBytes),
          gradientPlaneBytes: planeBytes,
          tiles,
          channels,
          outputChannels: channels,
          groupChannels: channels,
          panelsPerGroup: channels / 16,
          target: place.allocate(channels * channels * 9 * 4),
        } satisfies OperationArguments<"winogradKernelGradient"> as never,
      };
    },
  };
}

const BENCHES: readonly Bench[] = [
  product(784, 432, 48),
  product(784, 48, 48),
  product(196, 1728, 192),
  kernelGradient(784, 432, 48),
  winograd(4, 28, 48, true),
  winograd(1, 14, 192, false),
  winogradKernelGradient(196, 96),
];

/** Milliseconds of the fastest run. */
async function time(bench: Bench, variant: EngineVariant): Promise<number> {
  const { module } = await loadEngine({ variant });
  const place = new Place();
  const { exports } = new WebAssembly.Instance(module, { env: { memory: place.memory } });
  const { init, launch } = exports as Record<"init" | "launch", (...args: number[]) => void>;
  init();
  const { operation, units, args } = bench.prepare(place);
  const program = new Program();
  // Several calls a launch, so that the time is long enough to read.
  const calls = Math.max(1, Math.ceil(1e8 / bench.flops));
  // Of one unit in all of its range, a chunk of tiles, for winograd: the units are of chunks.
  const count = operation === "winograd" ? Math.ceil((args as OperationArguments<"winograd">).tiles / 64) : units;
  for (let i = 0; i < calls; i++) program.add(operation, count, args);
  const scratch = place.allocate(program.scratchBytes);
  const records = program.encode(scratch, program.scratchBytes);
  const address = place.allocate(records.byteLength);
  new Int32Array(place.memory.buffer, address, records.length).set(records);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPETITIONS; i++) {
    const start = performance.now();
    launch(address, calls, 1);
    best = Math.min(best, performance.now() - start);
  }
  return best / calls;
}

console.log(`Node ${process.version}, flag ${enableWideKernels() ? "set" : "not set"}; GFLOP/s, one thread`);
console.log(`${"".padEnd(44)}${VARIANTS.map((variant) => variant.padStart(12)).join("")}`);
for (const bench of BENCHES) {
  const speeds: string[] = [];
  for (const variant of VARIANTS)
    speeds.push((bench.flops / (await time(bench, variant)) / 1e6).toFixed(1).padStart(12));
  console.log(bench.name.padEnd(44) + speeds.join(""));
}
