import {
  checkLayout,
  type Forms,
  formOf,
  fuseState,
  type Images,
  type Logits,
  type Network,
  type RepVggSpec,
  RepvggError,
  type StateDict,
  type StateEntry,
} from "@repvgg/core";
import { compileInference } from "./compile.ts";
import { assertFits, checkOptions, EngineNetwork, type EngineNetworkOptions } from "./engine-network.ts";
import { imagesPerRun } from "./images-per-run.ts";
import type { PlacedProgram } from "./program.ts";
import { Runtime } from "./runtime.ts";
import { writeState } from "./transfer.ts";
import { withWorkers } from "./workers.ts";

export type { EngineNetworkOptions } from "./engine-network.ts";

export interface InferenceOptions extends EngineNetworkOptions {
  /** The form that `state` is in, or that of each block. */
  readonly form: Forms;
}

/** A network in a memory of its own. */
interface Built {
  readonly form: Forms;
  readonly network: EngineNetwork;
  readonly program: PlacedProgram;
  /** Entries that no computation reads: counters, auxiliary classifiers. */
  readonly unused: StateDict;
  readonly entries: readonly StateEntry[];
}

class InferenceNetwork implements Network {
  readonly spec: RepVggSpec;
  readonly #rebuild: (state: StateDict, form: Forms) => Promise<Built>;
  #built: Built;
  #disposed = false;

  constructor(built: Built, rebuild: (state: StateDict, form: Forms) => Promise<Built>) {
    this.spec = built.network.plan.spec;
    this.#built = built;
    this.#rebuild = rebuild;
  }

  get form(): Forms {
    return this.#built.form;
  }

  async predict(images: Images): Promise<Logits> {
    const { network, program } = this.#built;
    network.assertImages(images);
    return network.predict(images, program);
  }

  async features(images: Images): Promise<Images[]> {
    const { network, program } = this.#built;
    network.assertImages(images);
    return network.features(images, program);
  }

  async switchToDeploy(blocks?: readonly string[]): Promise<void> {
    const before = this.#built;
    const state = fuseState(this.spec, await this.exportState(), blocks);
    const built = await this.#rebuild(state, formOf(state));
    if (this.#disposed || this.#built !== before) {
      built.network.runtime.dispose();
      const [code, what] = this.#disposed ? (["E_DISPOSED", "disposed"] as const) : (["E_USAGE", "switched"] as const);
      throw new RepvggError(code, `The network was ${what} while switchToDeploy() was at work. Await it first.`);
    }
    this.#built = built;
    before.network.runtime.dispose();
  }

  async exportState(): Promise<StateDict> {
    const { network, entries, unused } = this.#built;
    return network.readState(entries, ({ name }) => unused.get(name)!);
  }

  dispose(): void {
    this.#disposed = true;
    this.#built.network.runtime.dispose();
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
  return new InferenceNetwork(await build(options), (state, form) => build({ ...options, state, form }));
}

function build(options: InferenceOptions): Promise<Built> {
  const { form } = options;
  const { plan, entries, threads, state, ...checked } = checkOptions(options, form);
  const batchSize = imagesPerRun(checked.batchSize, plan.inputSize);
  return withWorkers(threads - 1, async (workers) => {
    checkLayout(plan, form, state);
    const compile = (batch: number) => compileInference(plan, form, batch, threads, options.exact);
    const { memory, result } = compile(batchSize);
    assertFits("This network", batchSize, memory.bytes, (batch) => compile(batch).memory.bytes);

    let unused: StateDict = new Map();
    const runtime = await Runtime.create(memory, workers, (runtime) => {
      unused = writeState(runtime, result.parameters, entries, state);
    });
    if (result.programs.prepare.calls > 0) runtime.run(result.programs.prepare);
    const network = new EngineNetwork(plan, batchSize, runtime, result.parameters, result.buffers);
    return { form, network, program: result.programs.predict, unused, entries };
  });
}
