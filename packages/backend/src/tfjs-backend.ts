import { RepvggError } from "@repvgg/core";
import { backend, env, getBackend, registerKernel, scalar, setBackend } from "@tensorflow/tfjs-core";
import { lostDevice, type WebGpuBackend } from "./webgpu/lost-device.ts";

/** tfjs's own names of its backends; `tensorflow` is that of tfjs-node. */
export type TfjsBackend = "cpu" | "wasm" | "webgpu" | "tensorflow";

/** Makes a backend known to tfjs; each is loaded once, and only when it is asked for. */
const LOADERS: Record<TfjsBackend, () => Promise<void>> = {
  async cpu() {
    await import("@tensorflow/tfjs-backend-cpu");
  },
  async wasm() {
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    const { filterGradientKernel } = await import("./filter-gradient.ts");
    registerKernel(filterGradientKernel("wasm"));
    if (typeof process === "undefined" || !process.versions?.node) return; // in browsers the application has set them
    const { createRequire } = await import("node:module");
    const main = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
    setWasmPaths(main.slice(0, -basename(main).length));
  },
  // The devices on these load them, with their own options, before anything runs there.
  async webgpu() {},
  async tensorflow() {},
};

const basename = (path: string) => path.split(/[\\/]/).at(-1)!;

const loaded = new Map<TfjsBackend, Promise<void>>();
/** The end of the work that was last queued. */
let queue: Promise<unknown> = Promise.resolve();

/**
 * Runs `work` with a tfjs backend as the current one, then sets the one from before again.
 *
 * The current backend is one for the whole process. Work is therefore done one after the other: networks on different
 * backends can be used at the same time, and an application's own use of tfjs keeps its backend.
 *
 * @throws {RepvggError} `E_DEVICE`: the backend does not start here, or its device was lost; what `work` throws.
 */
export function withTfjsBackend<T>(name: TfjsBackend, work: () => T | Promise<T>): Promise<T> {
  const result = queue.then(async () => {
    await load(name);
    const before: string | undefined = getBackend();
    try {
      if (before !== name) await start(name);
      return await work();
    } catch (error) {
      const lost = getBackend() === "webgpu" && (await lostDevice(backend() as unknown as WebGpuBackend));
      throw lost || error;
    } finally {
      if (before && before !== name) await setBackend(before);
    }
  });
  queue = result.catch(() => {}); // whoever asked for it gets the error; the next in the queue must still run
  return result;
}

function load(name: TfjsBackend): Promise<void> {
  const loading = loaded.get(name) ?? LOADERS[name]();
  loaded.set(name, loading);
  return loading;
}

async function start(name: TfjsBackend): Promise<void> {
  let started = false;
  let cause: unknown;
  try {
    started = await setBackend(name);
  } catch (error) {
    cause = error;
  }
  if (started) return quietFirstUse();
  throw new RepvggError("E_DEVICE", `The tfjs backend "${name}" does not start here. Use another device.`, { cause });
}

/** The "cpu" backend advertises another package when it is first written to, on stderr, unless tfjs is in production mode. */
function quietFirstUse(): void {
  const isProduction = env().getBool("PROD");
  env().set("PROD", true);
  scalar(0).dispose();
  env().set("PROD", isProduction);
}
