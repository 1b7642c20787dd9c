/**
 * A thread of the engine: waits for launches in the shared memory until `stop`. Plain JavaScript, so that a Worker can run it
 * from the sources and from the build on every Node.
 */
import { parentPort, workerData } from "node:worker_threads";

/** @type {{ module: WebAssembly.Module, memory: WebAssembly.Memory, thread: number }} */
const { module, memory, thread } = workerData;
const { worker } = new WebAssembly.Instance(module, { env: { memory } }).exports;
parentPort?.postMessage("ready");
/** @type {(thread: number) => void} */ (worker)(thread);
