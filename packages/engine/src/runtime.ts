import { RepvggError } from "@repvgg/core";
import { loadEngine } from "./binaries.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import type { PlacedProgram } from "./program.ts";
import type { WorkerPool } from "./workers.ts";

const PAGE_BYTES = 65536;
/** What 32-bit addresses reach. */
export const MAX_MEMORY_BYTES = 65536 * PAGE_BYTES;

/** From so many bytes outside of its heap on, V8 collects garbage for their sake. */
const BALLAST_BYTES = 2 ** 26;

/** What a disposed runtime lets go. */
interface Held {
  readonly exports: EngineExports;
  /**
   * V8 frees a memory when it collects garbage, but does not take shared memories for a reason to: without this buffer, which it
   * counts, disposed networks would pile up to gigabytes. Nobody writes to it, so that it takes addresses only.
   */
  readonly ballast: ArrayBuffer;
}

interface EngineExports {
  init(): void;
  launch(program: number, calls: number, threads: number): void;
  stop(): void;
}

/** The engine's WebAssembly over one memory of its own, and the threads that share it. */
export class Runtime {
  readonly threads: number;
  #floats: Float32Array;
  #held: Held | undefined;
  readonly #workers: WorkerPool;
  #disposed = false;

  private constructor(exports: EngineExports, memory: WebAssembly.Memory, workers: WorkerPool) {
    this.#held = { exports, ballast: new ArrayBuffer(Math.min(memory.buffer.byteLength, BALLAST_BYTES)) };
    this.#floats = new Float32Array(memory.buffer);
    this.#workers = workers;
    this.threads = workers.count + 1;
  }

  /**
   * @param plan Everything placed; its constants are written.
   * @param workers Owned from here on.
   * @param write Writes what else the memory holds at first, while the threads start: programs run without those that are not there yet.
   * @throws {RepvggError} `E_MEMORY`: the system does not give that much.
   */
  static async create(plan: MemoryPlan, workers: WorkerPool, write: (runtime: Runtime) => void): Promise<Runtime> {
    const { module } = await loadEngine();
    const pages = Math.ceil(plan.bytes / PAGE_BYTES);
    const memory = allocate(pages);
    const instance = new WebAssembly.Instance(module, { env: { memory, abort: onAbort } });
    const exports = instance.exports as unknown as EngineExports;
    exports.init();
    const attached = workers.attach(module, memory);
    const words = new Int32Array(memory.buffer);
    for (const { address, content } of plan.constants) words.set(content(), address / 4);
    const runtime = new Runtime(exports, memory, workers);
    write(runtime);
    await attached;
    return runtime;
  }

  /** The whole memory; empty after {@link dispose}. */
  get floats(): Float32Array {
    return this.#floats;
  }

  run({ address, calls }: PlacedProgram): void {
    this.assertUsable();
    this.#held!.exports.launch(address, calls, this.threads);
  }

  /** @throws {RepvggError} `E_DISPOSED`. */
  assertUsable(): void {
    if (this.#disposed) throw new RepvggError("E_DISPOSED", "The network was used after dispose().");
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#held!.exports.stop();
    this.#workers.terminate();
    // Whoever still holds the disposed network does not hold its memory.
    this.#held = undefined;
    this.#floats = new Float32Array();
  }
}

function onAbort(): never {
  throw new RepvggError(
    "E_DEVICE",
    "The WebAssembly engine stopped on a failed check. Please report it with the network.",
  );
}

function allocate(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    const mebibytes = Math.ceil((pages * PAGE_BYTES) / 2 ** 20);
    throw new RepvggError(
      "E_MEMORY",
      `This system did not give the ${mebibytes} MiB that the network needs. Use a smaller batch or smaller images.`,
      { cause },
    );
  }
}
