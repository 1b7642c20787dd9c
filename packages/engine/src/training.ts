import {
  assertBatchStatistics,
  checkState,
  type Form,
  type Images,
  type Logits,
  lazyList,
  type NdArray,
  type Network,
  type OutputGradients,
  type Outputs,
  type RepVggSpec,
  RepvggError,
  type SgdStep,
  ShapeError,
  type StateDict,
  type StateEntry,
  sameShape,
} from "@repvgg/core";
import { type CompiledTraining, compileTraining } from "./compile.ts";
import { assertFits, checkOptions, EngineNetwork, type EngineNetworkOptions, STAGES } from "./engine-network.ts";
import { addImages, panelled } from "./layouts.ts";
import { readSlot, trainableSlots, writeSlot, writeState } from "./parameters.ts";
import { partOf } from "./program.ts";
import { Runtime } from "./runtime.ts";

export type { EngineNetworkOptions } from "./engine-network.ts";

/** A network in train form, in WebAssembly, whose step is in two halves: the loss between them is the caller's. */
export interface EngineTrainingNetwork extends Network {
  /**
   * Train-mode outputs of exactly `batchSize` images. The running statistics move only if {@link backwardAndUpdate} follows.
   *
   * @returns Newly allocated; the features are copied out when they are read, which is possible until the next call.
   * @throws {RepvggError} `E_SHAPE`.
   */
  forward(images: Images): Outputs<NdArray> & { readonly logits: Logits };
  /**
   * Backward from the gradients of the loss at the outputs that the last {@link forward} gave, then one SGD update.
   *
   * @param gradients In the shapes of the outputs; those that are undefined or missing count as zeros.
   * @throws {RepvggError} `E_SHAPE`, or `E_USAGE` if no forward went before.
   */
  backwardAndUpdate(gradients: Partial<OutputGradients>, step: SgdStep): void;
  /** Gradients of the last backward pass by parameter name, in memory order (HWIO). */
  exportGradients(): Map<string, NdArray>;
  exportOptimizerState(): Promise<Map<string, NdArray>>;
  /** @throws {RepvggError} `E_STATE`: a name or shape does not fit. */
  importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void>;
}

class TrainingNetwork implements EngineTrainingNetwork {
  readonly spec: RepVggSpec;
  readonly form: Form = "train";
  readonly #network: EngineNetwork;
  readonly #programs: CompiledTraining["programs"];
  readonly #inputs: CompiledTraining["inputs"];
  readonly #stageGradients: CompiledTraining["stageGradients"];
  readonly #entries: readonly StateEntry[];
  readonly #batchesTracked: Map<string, number>;
  readonly #statistics: { start: number; end: number };
  /** The running statistics from before a forward pass that no backward pass has confirmed yet. */
  #before: Float32Array | undefined;
  #stepped = false;

  constructor(
    network: EngineNetwork,
    { programs, inputs, stageGradients }: CompiledTraining,
    entries: readonly StateEntry[],
    state: StateDict,
  ) {
    this.spec = network.plan.spec;
    this.#network = network;
    this.#programs = programs;
    this.#inputs = inputs;
    this.#stageGradients = stageGradients;
    this.#entries = entries;
    const tracked = entries.filter(({ role }) => role === "numBatchesTracked");
    this.#batchesTracked = new Map(tracked.map(({ name }) => [name, state.get(name)!.data[0]!]));
    const { address, floats } = network.parameters.statistics;
    this.#statistics = { start: address / 4, end: address / 4 + floats };
  }

  async predict(images: Images): Promise<Logits> {
    this.#network.assertImages(images);
    this.#rollBack();
    return this.#network.predict(images, this.#programs.evaluate);
  }

  async features(images: Images): Promise<Images[]> {
    this.#network.assertImages(images);
    this.#rollBack();
    return this.#network.features(images, this.#programs.evaluate);
  }

  forward(images: Images): Outputs<NdArray> & { readonly logits: Logits } {
    this.#network.assertImages(images);
    const { batchSize } = this.#network;
    const [N] = images.shape;
    if (N !== batchSize)
      throw new ShapeError("images", `[${batchSize}, ${images.shape.slice(1).join(", ")}]`, images.shape);
    this.#rollBack();
    this.#before = this.#network.runtime.floats.slice(this.#statistics.start, this.#statistics.end);
    this.#network.stage(images, 0, N);
    this.#network.runtime.run(this.#programs.forward);
    return {
      logits: { shape: [N, this.spec.numClasses], data: this.#network.logits(N) },
      auxiliary: [],
      features: lazyList(STAGES.length, (index) => this.#network.stageOutput(STAGES[index]!, N)),
    };
  }

  backwardAndUpdate({ logits, features = [] }: Partial<OutputGradients>, step: SgdStep): void {
    const { runtime } = this.#network;
    runtime.assertUsable();
    this.#assertGradients(logits, features);
    if (!this.#before) throw new RepvggError("E_USAGE", "backwardAndUpdate() needs a forward() before it.");
    this.#writeLogitsGradient(this.#inputs.logitsGradient, logits);
    const { learningRate, momentum, weightDecay, nesterov } = step;
    const settings = (decay: number) => [learningRate, momentum, decay, Number(nesterov)];
    runtime.floats.set([...settings(weightDecay), ...settings(0)], this.#inputs.settings / 4);
    this.#runBackward(features);
    runtime.run(this.#programs.update);
    this.#before = undefined;
    this.#stepped = true;
    for (const [name, count] of this.#batchesTracked) this.#batchesTracked.set(name, count + 1);
  }

  #assertGradients(logits: NdArray | undefined, features: OutputGradients["features"]): void {
    const { batchSize, plan } = this.#network;
    const check = (name: string, gradient: NdArray | undefined, shape: readonly number[]) => {
      if (gradient && !sameShape(gradient.shape, shape)) {
        throw new ShapeError(`The gradient of ${name}`, `[${shape.join(", ")}]`, gradient.shape);
      }
    };
    check("the logits", logits, [batchSize, this.spec.numClasses]);
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
    const { backward } = this.#programs;
    let start = 0;
    for (const { stage, calls, gradient: layout } of this.#stageGradients) {
      const gradient = features[stage - 1];
      if (!gradient) continue;
      runtime.run(partOf(backward, start, calls));
      addImages(runtime.floats, layout, gradient.shape.at(-1)!, gradient.data);
      start = calls;
    }
    runtime.run(partOf(backward, start, backward.calls));
  }

  async exportState(): Promise<StateDict> {
    this.#network.runtime.assertUsable();
    this.#rollBack();
    return this.#network.readState(this.#entries, ({ name, shape }) => ({
      shape,
      data: Float32Array.of(this.#batchesTracked.get(name)!),
    }));
  }

  exportGradients(): Map<string, NdArray> {
    return this.#exportBeside(this.#network.parameters.gradientOffset);
  }

  async exportOptimizerState(): Promise<Map<string, NdArray>> {
    return this.#stepped ? this.#exportBeside(this.#network.parameters.velocityOffset) : new Map();
  }

  async importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void> {
    this.#network.runtime.assertUsable();
    const slots = trainableSlots(this.#network.parameters);
    if (state.size > 0)
      assertOptimizerState(
        state,
        slots.map(({ entry }) => entry),
      );
    const { runtime, parameters } = this.#network;
    for (const slot of slots) {
      const velocity = state.get(slot.entry.name);
      const start = (slot.address + parameters.velocityOffset) / 4;
      if (velocity) writeSlot(runtime.floats, slot, velocity, parameters.velocityOffset);
      else runtime.floats.fill(0, start, start + slot.length);
    }
    this.#stepped = state.size > 0;
  }

  dispose(): void {
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

  #exportBeside(offset: number): Map<string, NdArray> {
    const { runtime, parameters } = this.#network;
    runtime.assertUsable();
    return new Map(trainableSlots(parameters).map((slot) => [slot.entry.name, readSlot(runtime.floats, slot, offset)]));
  }
}

function assertOptimizerState(state: ReadonlyMap<string, NdArray>, entries: readonly StateEntry[]): void {
  const misfit = entries.find(({ name, shape }) => !sameShape(state.get(name)?.shape ?? [-1], shape));
  const known = new Set(entries.map(({ name }) => name));
  const unexpected = [...state.keys()].find((name) => !known.has(name));
  const name = misfit?.name ?? unexpected;
  if (name === undefined) return;
  throw new RepvggError(
    "E_STATE",
    `The optimiser state does not fit the network: ${name} is ${unexpected ? "unexpected" : "missing or of another shape"}. ` +
      "Resume with the run's own network, or start without optimiser state.",
  );
}

/**
 * A network in WebAssembly that learns.
 *
 * @param options.batchSize Images of every step.
 * @throws {RepvggError} `E_STATE`: the state dict does not fit;
 * `E_SHAPE`: a batch of one value a channel; `E_MEMORY`: too large, before any work.
 */
export async function createTrainingNetwork(options: EngineNetworkOptions): Promise<EngineTrainingNetwork> {
  const { plan, entries, batchSize, threads, state } = checkOptions(options, "train");
  checkState(plan, "train", state);
  assertBatchStatistics(plan, batchSize);

  assertFits("Training this network", batchSize, (batch) => compileTraining(plan, batch, threads).memory.bytes);
  const { memory, result } = compileTraining(plan, batchSize, threads);

  const runtime = await Runtime.create(memory, threads);
  writeState(runtime.floats, result.parameters, state);
  const network = new EngineNetwork(plan, batchSize, runtime, result.parameters, result.buffers);
  return new TrainingNetwork(network, result, entries, state);
}
