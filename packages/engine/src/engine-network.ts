import {
  type Forms,
  type Images,
  type LayerPlan,
  type Logits,
  layerPlan,
  type NdArray,
  type RepVggSpec,
  RepvggError,
  ShapeError,
  type StateDict,
  type StateEntry,
  sizeOf,
  stateLayout,
  zeros,
} from "@repvgg/core";
import { panelled, readImages } from "./layouts.ts";
import { lastOfStage, type NetworkBuffers, storedInputChannels } from "./network-buffers.ts";
import { MOST_THREADS } from "./operations.ts";
import type { ParameterLayout } from "./parameters.ts";
import type { PlacedProgram } from "./program.ts";
import { MAX_MEMORY_BYTES, type Runtime } from "./runtime.ts";
import { readSlot } from "./transfer.ts";

export const STAGES = [1, 2, 3, 4] as const;

/** Runs something with a preparation before and a restoration after it. */
export type Around = (run: () => void) => void;

/** Resolves once timers, sockets and the like had their turn. */
const nextTurn = () =>
  new Promise<void>((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve);
  });

/** What an engine network is made from. */
export interface EngineNetworkOptions {
  readonly spec: RepVggSpec;
  /** In memory layout (HWIO), complete; copied. */
  readonly state: ReadonlyMap<string, NdArray>;
  /** Height and width of the images, in pixels. */
  readonly imageSize: readonly [height: number, width: number];
  /** Images that one run takes. Others are split, or leave places empty. @default 1 */
  readonly batchSize?: number;
  /** Threads, this one included. The results do not depend on it. @default 1 */
  readonly threads?: number;
  /**
   * No Winograd: every convolution adds up its own products, whose only error is that of float32 sums. For proofs; slower.
   * @default false
   */
  readonly exact?: boolean;
}

/** What is the same for every engine network: the memory, images in, logits out, the state. */
export class EngineNetwork {
  readonly plan: LayerPlan;
  readonly batchSize: number;
  readonly runtime: Runtime;
  readonly parameters: ParameterLayout;
  readonly #buffers: NetworkBuffers;

  constructor(
    plan: LayerPlan,
    batchSize: number,
    runtime: Runtime,
    parameters: ParameterLayout,
    buffers: NetworkBuffers,
  ) {
    this.plan = plan;
    this.batchSize = batchSize;
    this.runtime = runtime;
    this.parameters = parameters;
    this.#buffers = buffers;
  }

  /**
   * Logits, by as many runs of `program` as the images make batches. Between two, whatever else waits for this thread gets its turn.
   *
   * @param around Calls each run, with what it needs before and after.
   */
  async predict(images: Images, program: PlacedProgram, around: Around = (run) => run()): Promise<Logits> {
    const [N] = images.shape;
    const classes = this.plan.spec.numClasses;
    const data = new Float32Array(N * classes);
    const run = () => this.runtime.run(program);
    await this.#eachBatch(
      images,
      () => around(run),
      (start, count) => data.set(this.logits(count), start * classes),
    );
    return { shape: [N, classes], data };
  }

  /** Outputs of the stages, in the same way. */
  async features(images: Images, program: PlacedProgram): Promise<Images[]> {
    const [N] = images.shape;
    const features = STAGES.map((stage): Images => {
      const { block } = lastOfStage(this.#buffers, stage);
      return zeros([N, ...block.outputSize, block.outChannels]);
    });
    const read = (start: number, count: number) => {
      for (const [i, { shape, data }] of features.entries()) {
        data.set(this.stageOutput(STAGES[i]!, count).data, start * sizeOf(shape.slice(1)));
      }
    };
    await this.#eachBatch(images, () => this.runtime.run(program), read);
    return features;
  }

  async #eachBatch(images: Images, run: () => void, read: (start: number, count: number) => void): Promise<void> {
    const [N] = images.shape;
    for (let start = 0; start < N; start += this.batchSize) {
      if (start > 0) await nextTurn();
      this.runtime.assertUsable(); // it may have been disposed in the turn before
      const count = Math.min(this.batchSize, N - start);
      this.stage(images, start, count);
      run();
      read(start, count);
    }
  }

  /** What the last run left as the output of a stage, of the first `count` images. */
  stageOutput(stage: number, count: number): Images {
    const { block, output } = lastOfStage(this.#buffers, stage);
    const data = readImages(this.runtime.floats, output, count, block.outChannels);
    return { shape: [count, ...block.outputSize, block.outChannels], data };
  }

  /** @throws {ShapeError} The images are not `[N, H, W, C]` as the network was made for, with N ≥ 1. */
  assertImages({ shape, data }: Images): void {
    this.runtime.assertUsable();
    const [height, width] = this.plan.inputSize;
    const expected = [shape[0], height, width, this.plan.spec.inputChannels];
    const fits = shape.length === 4 && shape[0] >= 1 && expected.every((n, i) => n === shape[i]);
    if (!fits || data.length !== expected.reduce((a, b) => a * b)) {
      throw new ShapeError("images", `[N, ${expected.slice(1).join(", ")}]`, shape);
    }
  }

  /** Copies `count` images from `start` on to where the programs read them. */
  stage({ data, shape: [, height, width, channels] }: Images, start: number, count: number): void {
    const { floats } = this.runtime;
    const stored = storedInputChannels(this.plan.blocks[0]!);
    const base = this.#buffers.staging / 4;
    const pixels = height * width;
    if (stored === channels) {
      floats.set(data.subarray(start * pixels * channels, (start + count) * pixels * channels), base);
      return;
    }
    for (let p = 0; p < count * pixels; p++) {
      for (let c = 0; c < channels; c++) floats[base + p * stored + c] = data[(start * pixels + p) * channels + c]!;
    }
  }

  /** The first `count` rows of logits, without padding. */
  logits(count: number): Float32Array {
    return this.#rowsOfLogits(this.#buffers.logits, count);
  }

  /** The same of an auxiliary classifier. */
  auxiliaryLogits(head: number, count: number): Logits {
    const data = this.#rowsOfLogits(this.#buffers.auxiliary[head]!.logits, count);
    return { shape: [count, this.plan.spec.numClasses], data };
  }

  #rowsOfLogits(address: number, count: number): Float32Array {
    const classes = this.plan.spec.numClasses;
    const stride = panelled(classes);
    const base = address / 4;
    const rows = new Float32Array(count * classes);
    for (let n = 0; n < count; n++) {
      rows.set(this.runtime.floats.subarray(base + n * stride, base + n * stride + classes), n * classes);
    }
    return rows;
  }

  /** Every entry that lies in memory, copied out. */
  readState(entries: readonly StateEntry[], other: (entry: StateEntry) => NdArray): StateDict {
    this.runtime.assertUsable();
    return new Map(
      entries.map((entry) => {
        const slot = this.parameters.slots.get(entry.name);
        return [entry.name, slot ? readSlot(this.runtime.floats, slot) : other(entry)];
      }),
    );
  }
}

/**
 * The plan and its entries, once the options have been checked.
 *
 * @throws {RepvggError} `E_USAGE` (batch size or threads), `E_STATE` (names or shapes that do not fit), `E_SPEC`.
 */
export function checkOptions(options: EngineNetworkOptions, form: Forms) {
  const { spec, state, imageSize, batchSize = 1, threads = 1 } = options;
  const plan = layerPlan(spec, imageSize);
  for (const [name, value] of Object.entries({ batchSize, threads })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RepvggError("E_USAGE", `${name} must be a whole number, 1 or more, got ${value}.`);
    }
  }
  if (threads > MOST_THREADS) {
    throw new RepvggError("E_USAGE", `The engine has at most ${MOST_THREADS} threads, got ${threads}.`);
  }
  const entries = stateLayout(plan, form);
  return { plan, entries, batchSize, threads, state };
}

/**
 * @param needed Bytes that the network needs.
 * @param bytesAt Bytes that it needs with a given batch size.
 * @throws {RepvggError} `E_MEMORY`: more than 32-bit addresses reach; names the sizes and the batch that would fit.
 */
export function assertFits(
  what: string,
  batchSize: number,
  needed: number,
  bytesAt: (batchSize: number) => number,
): void {
  if (needed <= MAX_MEMORY_BYTES) return;
  let [fits, tooLarge] = [0, batchSize];
  while (tooLarge - fits > 1) {
    const middle = Math.floor((fits + tooLarge) / 2);
    if (bytesAt(middle) <= MAX_MEMORY_BYTES) fits = middle;
    else tooLarge = middle;
  }
  const gibibytes = (needed / 2 ** 30).toFixed(1);
  const advice = fits > 0 ? `A batch of ${fits} would fit.` : "Not even a batch of 1 fits: use smaller images.";
  throw new RepvggError(
    "E_MEMORY",
    `${what} with a batch of ${batchSize} needs ${gibibytes} GiB, and WebAssembly addresses at most 4 GiB. ${advice}`,
  );
}
