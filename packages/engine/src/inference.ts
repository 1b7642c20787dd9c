import {
  checkState,
  type Form,
  type Images,
  type Logits,
  type Network,
  type RepVggSpec,
  type StateDict,
  type StateEntry,
} from "@repvgg/core";
import { compileInference } from "./compile.ts";
import { assertFits, checkOptions, EngineNetwork, type EngineNetworkOptions } from "./engine-network.ts";
import { writeState } from "./parameters.ts";
import type { PlacedProgram } from "./program.ts";
import { Runtime } from "./runtime.ts";

export type { EngineNetworkOptions } from "./engine-network.ts";

export interface InferenceOptions extends EngineNetworkOptions {
  readonly form: Form;
}

class InferenceNetwork implements Network {
  readonly spec: RepVggSpec;
  readonly form: Form;
  readonly #network: EngineNetwork;
  readonly #program: PlacedProgram;
  /** Entries that no computation reads: counters, auxiliary classifiers. */
  readonly #unused: StateDict;
  readonly #entries: readonly StateEntry[];

  constructor(network: EngineNetwork, form: Form, program: PlacedProgram, unused: StateDict, entries: StateEntry[]) {
    this.spec = network.plan.spec;
    this.form = form;
    this.#network = network;
    this.#program = program;
    this.#unused = unused;
    this.#entries = entries;
  }

  async predict(images: Images): Promise<Logits> {
    this.#network.assertImages(images);
    return this.#network.predict(images, this.#program);
  }

  async features(images: Images): Promise<Images[]> {
    this.#network.assertImages(images);
    return this.#network.features(images, this.#program);
  }

  async exportState(): Promise<StateDict> {
    return this.#network.readState(this.#entries, ({ name }) => this.#unused.get(name)!);
  }

  dispose(): void {
    this.#network.runtime.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * A network in WebAssembly that answers.
 *
 * @throws {RepvggError} `E_STATE`: the state dict does not fit;
 * `E_MEMORY`: too large, before any work.
 */
export async function createInferenceNetwork(options: InferenceOptions): Promise<Network> {
  const { form } = options;
  const { plan, entries, batchSize, threads, state } = checkOptions(options, form);
  checkState(plan, form, state);

  assertFits("This network", batchSize, (batch) => compileInference(plan, form, batch, threads).memory.bytes);
  const { memory, result } = compileInference(plan, form, batchSize, threads);

  const runtime = await Runtime.create(memory, threads, (floats) => writeState(floats, result.parameters, state));
  if (result.programs.prepare.calls > 0) runtime.run(result.programs.prepare);
  const network = new EngineNetwork(plan, batchSize, runtime, result.parameters, result.buffers);
  const unused = new Map([...state].filter(([name]) => !result.parameters.slots.has(name)));
  return new InferenceNetwork(network, form, result.programs.predict, unused, entries);
}
