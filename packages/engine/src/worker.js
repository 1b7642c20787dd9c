/**
 * A thread of the engine: is told its module and memory, and waits for launches there until `stop`. Plain JavaScript, so that a
 * Worker can run it from the sources and from the build on every Node.
 */
import { parentPort } from "node:worker_threads";

/** @param {{ module: WebAssembly.Module, memory: WebAssembly.Memory, thread: number }} data */
function run({ module, memory, thread }) {
  const { worker } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  parentPort?.postMessage("ready");
  /** @type {(thread: number) => void} */ (worker)(thread);
}

parentPort?.once("message", run);
