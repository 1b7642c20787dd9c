import {
  assertBatchStatistics,
  assertTrains,
  checkLayout,
  checkState,
  type Forms,
  formOf,
  frozenBlocks,
  fuseState,
  type Images,
  isFrozen,
  type Logits,
  lazyList,
  type NdArray,
  type Network,
  type OptimizerStep,
  type OutputGradients,
  type Outputs,
  type RepVggSpec,
  RepvggError,
  ShapeError,
  type StateDict,
  type StateEntry,
  sameShape,
  type TrainStepResult,
} from "@repvgg/core";
import { EngineAverage } from "./average.ts";
import { type CompiledTraining, compileTraining } from "./compile.ts";
import {
  type Around,
  assertFits,
  checkOptions,
  EngineNetwork,
  type EngineNetworkOptions,
  STAGES,
} from "./engine-network.ts";
import { findNonFinite, findNonFiniteGradient } from "./find-non-finite.ts";
import { createInferenceNetwork } from "./inference.ts";
import { addImages, panelled } from "./layouts.ts";
import { EngineOptimizer } from "./optimizer.ts";
import { trainableSlots } from "./parameters.ts";
import { partOf } from "./program.ts";
import { MAX_MEMORY_BYTES, Runtime } from "./runtime.ts";
import { readSlot, writeState } from "./transfer.ts";
import { withWorkers } from "./workers.ts";

export type { EngineNetworkOptions } from "./engine-network.ts";

/** What became of a step, besides its loss and outputs. */
export type StepOutcome = Omit<TrainStepResult, "loss" | "logits">;

/** A network in train form, in WebAssembly, whose step is in two halves: the loss between them is the caller's. */
export interface EngineTrainingNetwork extends Network {
  /**
   * Train-mode outputs of exactly `batchSize` images. The running statistics move only if {@link backwardAndUpdate} follows.
   *
   * @returns Newly allocated; the lists are copied out when they are read, which is possible until the next call.
   * @throws {RepvggError} `E_SHAPE`.
   */
  forward(images: Images): Outputs<NdArray> & { readonly logits: Logits };
  /**
   * Backward from the gradients of the loss at the outputs that the last {@link forward} gave, then the optimiser's update.
   *
   * @param gradients In the shapes of the outputs; those that are undefined or missing count as zeros.
   * @throws {RepvggError} `E_SHAPE`; `E_USAGE` if no forward went before; `E_MEMORY`: no room for what the step needs.
   */
  backwardAndUpdate(gradients: Partial<OutputGradients>, step: OptimizerStep): StepOutcome;
  /**
   * In place of {@link backwardAndUpdate}, where the loss is not finite: the step is dropped. What steps before it gathered
   * makes the update, if it is due.
   *
   * @returns What was the first that is not finite: the loss itself, if the network's outputs are.
   */
  drop(step: OptimizerStep): StepOutcome;
  /** Gradients of the last backward pass by parameter name, in memory order (HWIO). */
  exportGradients(): Map<string, NdArray>;
  exportOptimizerState(): Promise<Map<string, NdArray>>;
  /** @throws {RepvggError} `E_STATE`: a name or shape does not fit. */
  importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void>;
  exportAverage(): Promise<StateDict | undefined>;
  /** @throws {RepvggError} `E_STATE`: it does not fit the network. */
  importAverage(average: StateDict): Promise<void>;
  /** @throws {RepvggError} `E_USAGE`: there is no average. */
  predictAverage(images: Images): Promise<Logits>;
}

class TrainingNetwork implements EngineTrainingNetwork {
  readonly spec: RepVggSpec;
  /** What switchToDeploy() left in this one's place. */
  #deployed: Network | undefined;
  readonly #network: EngineNetwork;
  readonly #placed: CompiledTraining;
  readonly #entries: readonly StateEntry[];
  readonly #optimizer: EngineOptimizer;
  readonly #average: EngineAverage;
  readonly #batchesTracked: Map<string, number>;
  readonly #statistics: { start: number; end: number };
  /** The running statistics from before a forward pass that no backward pass has confirmed yet. */
  #before: Float32Array | undefined;

  constructor(network: EngineNetwork, placed: CompiledTraining, entries: readonly StateEntry[], counters: StateDict) {
    this.spec = network.plan.spec;
    this.#network = network;
    this.#placed = placed;
    this.#entries = entries;
    const { runtime, parameters } = network;
    this.#optimizer = new EngineOptimizer(runtime, parameters, placed.updates);
    this.#average = new EngineAverage(runtime, parameters, placed.updates);
    this.#batchesTracked = new Map([...counters].map(([name, { data }]) => [name, data[0]!]));
    const { address, floats } = parameters.statistics;
    this.#statistics = { start: address / 4, end: address / 4 + floats };
  }

  get form(): Forms {
    return this.#deployed?.form ?? "train";
  }

  async predict(images: Images): Promise<Logits> {
    if (this.#deployed) return this.#deployed.predict(images);
    this.#network.assertImages(images);
    this.#rollBack();
    return this.#network.predict(images, this.#placed.programs.evaluate);
  }

  async features(images: Images): Promise<Images[]> {
    if (this.#deployed) return this.#deployed.features(images);
    this.#network.assertImages(images);
    this.#rollBack();
    return this.#network.features(images, this.#placed.programs.evaluate);
  }

  async predictAverage(images: Images): Promise<Logits> {
    assertTrains(this);
    this.#network.assertImages(images);
    this.#rollBack();
    const during: Around = (run) => this.#average.during(run);
    return this.#network.predict(images, this.#placed.programs.evaluate, during);
  }

  forward(images: Images): Outputs<NdArray> & { readonly logits: Logits } {
    assertTrains(this);
    this.#network.assertImages(images);
    const { batchSize } = this.#network;
    const [N] = images.shape;
    if (N !== batchSize)
      throw new ShapeError("images", `[${batchSize}, ${images.shape.slice(1).join(", ")}]`, images.shape);
    this.#rollBack();
    this.#before = this.#network.runtime.floats.slice(this.#statistics.start, this.#statistics.end);
    this.#network.stage(images, 0, N);
    this.#network.runtime.run(this.#placed.programs.forward);
    return {
      logits: { shape: [N, this.spec.numClasses], data: this.#network.logits(N) },
      auxiliary: lazyList(this.#network.plan.auxiliary.length, (head) => this.#network.auxiliaryLogits(head, N)),
      features: lazyList(STAGES.length, (index) => this.#network.stageOutput(STAGES[index]!, N)),
    };
  }

  backwardAndUpdate(
    { logits, auxiliary = [], features = [] }: Partial<OutputGradients>,
    step: OptimizerStep,
  ): StepOutcome {
    assertTrains(this);
    const { runtime } = this.#network;
    runtime.assertUsable();
    this.#assertGradients({ logits, auxiliary, features });
    if (!this.#before) throw new RepvggError("E_USAGE", "backwardAndUpdate() needs a forward() before it.");
    const { gradients } = this.#placed.inputs;
    this.#writeLogitsGradient(gradients.logits, logits);
    gradients.auxiliary.forEach((address, head) => {
      this.#writeLogitsGradient(address, auxiliary[head]);
    });
    this.#runBackward(features);
    const { updated, gradientNorm } = this.#optimizer.step(step);
    const report = gradientNorm === undefined ? {} : { gradientNorm };
    if (gradientNorm !== undefined && !Number.isFinite(gradientNorm)) {
      this.#rollBack();
      return { ...report, nonFinite: findNonFiniteGradient(runtime.floats, this.#placed) };
    }
    this.#before = undefined;
    this.#countBatch();
    if (updated && step.averageDecay !== undefined) this.#average.update(step.averageDecay);
    return report;
  }

  drop(step: OptimizerStep): StepOutcome {
    assertTrains(this);
    const { runtime } = this.#network;
    runtime.assertUsable();
    const nonFinite = findNonFinite(runtime.floats, this.#placed) ?? { what: "loss", name: "" };
    this.#rollBack();
    const { updated, gradientNorm } = this.#optimizer.step(step, true);
    if (updated && step.averageDecay !== undefined) this.#average.update(step.averageDecay);
    return { nonFinite, ...(gradientNorm !== undefined && { gradientNorm }) };
  }

  #countBatch(): void {
    for (const entry of this.#entries) {
      const { name, role } = entry;
      if (role !== "numBatchesTracked" || isFrozen(entry, this.#placed.frozen)) continue;
      this.#batchesTracked.set(name, this.#batchesTracked.get(name)! + 1);
    }
  }

  #assertGradients({ logits, auxiliary, features }: OutputGradients): void {
    const { batchSize, plan } = this.#network;
    const check = (name: string, gradient: NdArray | undefined, shape: readonly number[]) => {
      if (gradient && !sameShape(gradient.shape, shape)) {
        throw new ShapeError(`The gradient of ${name}`, `[${shape.join(", ")}]`, gradient.shape);
      }
    };
    const shape = [batchSize, this.spec.numClasses];
    check("the logits", logits, shape);
    auxiliary.forEach((gradient, head) => {
      check(`the auxiliary logits ${head}`, gradient, shape);
    });
    features.forEach((gradient, index) => {
      const { outputSize, outChannels } = plan.blocks.findLast(({ stage }) => stage === index + 1)!;
      check(`the output of stage ${index + 1}`, gradient, [batchSize, ...outputSize, outChannels]);
    });
  }

  #writeLogitsGradient(address: number, gradient: NdArray | undefined): void {
    const { runtime, batchSize } = this.#network;
    const { numClasses } = this.spec;
    const stride = panelled(numClasses);
    const base = address / 4;
    if (!gradient) runtime.floats.fill(0, base, base + batchSize * stride);
    for (let n = 0; gradient && n < batchSize; n++) {
      runtime.floats.set(gradient.data.subarray(n * numClasses, (n + 1) * numClasses), base + n * stride);
    }
  }

  /** The backward program, with a stop wherever a gradient of the loss at a stage's output joins. */
  #runBackward(features: OutputGradients["features"]): void {
    const { runtime } = this.#network;
    const { backward } = this.#placed.programs;
    let start = 0;
    for (const { stage, calls, gradient: layout } of this.#placed.stageGradients) {
      const gradient = features[stage - 1];
      if (!gradient) continue;
      runtime.run(partOf(backward, start, calls));
      addImages(runtime.floats, layout, gradient.shape.at(-1)!, gradient.data);
      start = calls;
    }
    runtime.run(partOf(backward, start, backward.calls));
  }

  async switchToDeploy(blocks?: readonly string[]): Promise<void> {
    if (this.#deployed) return this.#deployed.switchToDeploy(blocks);
    const { runtime, plan, batchSize } = this.#network;
    const state = fuseState(this.spec, await this.exportState(), blocks);
    const { spec, inputSize: imageSize } = plan;
    const options = { spec, imageSize, batchSize, threads: runtime.threads, exact: this.#placed.exact };
    const deployed = await createInferenceNetwork({ ...options, state, form: formOf(state) });
    try {
      runtime.assertUsable(); // it may have been disposed meanwhile
    } catch (error) {
      deployed.dispose();
      throw error;
    }
    this.#deployed = deployed;
    runtime.dispose();
  }

  async exportState(): Promise<StateDict> {
    if (this.#deployed) return this.#deployed.exportState();
    this.#network.runtime.assertUsable();
    this.#rollBack();
    return this.#network.readState(this.#entries, ({ name, shape }) => ({
      shape,
      data: Float32Array.of(this.#batchesTracked.get(name)!),
    }));
  }

  exportGradients(): Map<string, NdArray> {
    assertTrains(this);
    const { runtime, parameters } = this.#network;
    runtime.assertUsable();
    const { gradientOffset } = parameters;
    return new Map(
      trainableSlots(parameters).map((slot) => [slot.entry.name, readSlot(runtime.floats, slot, gradientOffset)]),
    );
  }

  async exportOptimizerState(): Promise<Map<string, NdArray>> {
    assertTrains(this);
    this.#network.runtime.assertUsable();
    return this.#optimizer.export();
  }

  async importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void> {
    assertTrains(this);
    this.#network.runtime.assertUsable();
    this.#optimizer.import(state);
  }

  async exportAverage(): Promise<StateDict | undefined> {
    assertTrains(this);
    this.#network.runtime.assertUsable();
    return this.#average.exists ? this.#average.export(await this.exportState()) : undefined;
  }

  async importAverage(average: StateDict): Promise<void> {
    assertTrains(this);
    this.#network.runtime.assertUsable();
    checkState(this.#network.plan, "train", average);
    this.#average.import(average);
  }

  dispose(): void {
    this.#deployed?.dispose();
    this.#network.runtime.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Undoes what an unconfirmed forward pass did to the running statistics. */
  #rollBack(): void {
    if (this.#before) this.#network.runtime.floats.set(this.#before, this.#statistics.start);
    this.#before = undefined;
  }
}

export interface TrainingNetworkOptions extends EngineNetworkOptions {
  /** Stages that do not learn: `frozenBlocks` of core says which can. Their running statistics stay, and normalize. @default none */
  readonly freeze?: readonly string[];
  /**
   * Keep only the outputs of the blocks for the backward pass and compute the rest again, block by block: the same bits from about a
   * third of the activations' memory, for one more forward pass of the convolutions. @default false
   */
  readonly checkpointing?: boolean;
}

/**
 * A network in WebAssembly that learns.
 *
 * @param options.batchSize Images of every step.
 * @throws {RepvggError} `E_STATE`: the state dict does not fit; `E_USAGE`: stages that cannot be frozen;
 * `E_SHAPE`: a batch of one value a channel; `E_MEMORY`: too large, before any work.
 */
export async function createTrainingNetwork(options: TrainingNetworkOptions): Promise<EngineTrainingNetwork> {
  const { plan, entries, batchSize, threads, state } = checkOptions(options, "train");
  const frozen = frozenBlocks(plan, options.freeze ?? []);
  checkLayout(plan, "train", state);
  assertBatchStatistics(plan, batchSize);

  const { checkpointing, exact } = options;
  const compile = (batch: number, extras: boolean) =>
    compileTraining(plan, batch, threads, { frozen, extras, checkpointing, exact });
  const whole = compile(batchSize, true);
  const { memory, result } = whole.memory.bytes <= MAX_MEMORY_BYTES ? whole : compile(batchSize, false);
  assertFits("Training this network", batchSize, memory.bytes, (batch) => compile(batch, false).memory.bytes);

  let counters: StateDict = new Map();
  const runtime = await withWorkers(threads - 1, (workers) =>
    Runtime.create(memory, workers, (runtime) => {
      counters = writeState(runtime, result.parameters, entries, state);
    }),
  );
  const network = new EngineNetwork(plan, batchSize, runtime, result.parameters, result.buffers);
  return new TrainingNetwork(network, result, entries, counters);
}
