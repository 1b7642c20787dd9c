import {
  assertBatchStatistics,
  checkState,
  type Form,
  type Images,
  type Logits,
  type NdArray,
  type Network,
  type RepVggSpec,
  RepvggError,
  type SgdStep,
  ShapeError,
  type StateDict,
  type StateEntry,
  sameShape,
} from "@repvgg/core";
import { type CompiledTraining, compileTraining } from "./compile.ts";
import { assertFits, checkOptions, EngineNetwork, type EngineNetworkOptions } from "./engine-network.ts";
import { panelled } from "./layouts.ts";
import { readSlot, trainableSlots, writeSlot, writeState } from "./parameters.ts";
import { Runtime } from "./runtime.ts";

export type { EngineNetworkOptions } from "./engine-network.ts";

/** A network in train form, in WebAssembly, whose step is in two halves: the loss between them is the caller's. */
export interface EngineTrainingNetwork extends Network {
  /**
   * Train-mode logits of exactly `batchSize` images. The running statistics move only if {@link backwardAndUpdate} follows.
   *
   * @throws {RepvggError} `E_SHAPE`.
   */
  forward(images: Images): Logits;
  /**
   * Backward from the gradient of the loss at the logits that the last {@link forward} gave, then one SGD update.
   *
   * @param gradient `[N, numClasses]`.
   * @throws {RepvggError} `E_SHAPE`, or `E_USAGE` if no forward went before.
   */
  backwardAndUpdate(gradient: NdArray, step: SgdStep): void;
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
  readonly #entries: readonly StateEntry[];
  readonly #batchesTracked: Map<string, number>;
  readonly #statistics: { start: number; end: number };
  /** The running statistics from before a forward pass that no backward pass has confirmed yet. */
  #before: Float32Array | undefined;
  #stepped = false;

  constructor(
    network: EngineNetwork,
    programs: CompiledTraining["programs"],
    inputs: CompiledTraining["inputs"],
    entries: readonly StateEntry[],
    state: StateDict,
  ) {
    this.spec = network.plan.spec;
    this.#network = network;
    this.#programs = programs;
    this.#inputs = inputs;
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

  forward(images: Images): Logits {
    this.#network.assertImages(images);
    const { batchSize } = this.#network;
    const [N] = images.shape;
    if (N !== batchSize)
      throw new ShapeError("images", `[${batchSize}, ${images.shape.slice(1).join(", ")}]`, images.shape);
    this.#rollBack();
    this.#before = this.#network.runtime.floats.slice(this.#statistics.start, this.#statistics.end);
    this.#network.stage(images, 0, N);
    this.#network.runtime.run(this.#programs.forward);
    return { shape: [N, this.spec.numClasses], data: this.#network.logits(N) };
  }

  backwardAndUpdate(gradient: NdArray, step: SgdStep): void {
    const { runtime, batchSize } = this.#network;
    runtime.assertUsable();
    const { numClasses } = this.spec;
    if (!sameShape(gradient.shape, [batchSize, numClasses])) {
      throw new ShapeError("gradient", `[${batchSize}, ${numClasses}]`, gradient.shape);
    }
    if (!this.#before) throw new RepvggError("E_USAGE", "backwardAndUpdate() needs a forward() before it.");
    const stride = panelled(numClasses);
    const base = this.#inputs.logitsGradient / 4;
    for (let n = 0; n < batchSize; n++) {
      runtime.floats.set(gradient.data.subarray(n * numClasses, (n + 1) * numClasses), base + n * stride);
    }
    const { learningRate, momentum, weightDecay, nesterov } = step;
    const settings = (decay: number) => [learningRate, momentum, decay, Number(nesterov)];
    runtime.floats.set([...settings(weightDecay), ...settings(0)], this.#inputs.settings / 4);
    runtime.run(this.#programs.backward);
    runtime.run(this.#programs.update);
    this.#before = undefined;
    this.#stepped = true;
    for (const [name, count] of this.#batchesTracked) this.#batchesTracked.set(name, count + 1);
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
  return new TrainingNetwork(network, result.programs, result.inputs, entries, state);
}
