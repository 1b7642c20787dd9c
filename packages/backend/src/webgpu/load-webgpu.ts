import { RepvggError } from "@repvgg/core";
import { findBackendFactory } from "@tensorflow/tfjs-core";
import { probeDevice } from "../probe-device.ts";
import { missingWebGpuPackages } from "./missing-packages.ts";

/** What is used of WebGPU's `GPU` and its adapters. */
interface Gpu {
  requestAdapter(): Promise<Adapter | null>;
}
interface Adapter {
  readonly info?: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
    readonly isFallbackAdapter?: boolean;
  };
  readonly isFallbackAdapter?: boolean;
}

export interface WebGpuAdapter {
  /** For people. */
  readonly name: string;
  /** A software renderer: right, and slower than the CPU used directly. */
  readonly software: boolean;
}

/**
 * Makes tfjs's WebGPU backend known: on the browser's WebGPU, or in Node on Dawn, which the optional package `webgpu` brings.
 *
 * @throws {RepvggError} `E_DEVICE`: a package is missing, or there is no adapter.
 */
export async function loadWebGpu(): Promise<WebGpuAdapter> {
  gpu ??= browserGpu() ?? (await provideDawn());
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw noAdapter();
  await provideBackend();
  const { vendor = "", architecture = "", description = "", isFallbackAdapter } = adapter.info ?? {};
  const name = [vendor, architecture, description].filter((part) => part !== "").join(" ") || "unnamed adapter";
  return { name, software: isFallbackAdapter ?? adapter.isFallbackAdapter ?? /swiftshader|llvmpipe/i.test(name) };
}

/** An application for browsers imports the package itself: bundlers include only what is named in an import. */
async function provideBackend(): Promise<void> {
  if (findBackendFactory("webgpu")) return;
  if (globalThis.process?.versions?.node) return void (await importOptional("@tensorflow/tfjs-backend-webgpu"));
  throw new RepvggError(
    "E_DEVICE",
    'In a browser, the device "webgpu" needs the package @tensorflow/tfjs-backend-webgpu in the application: ' +
      'npm install it, and import "@tensorflow/tfjs-backend-webgpu" before the device is opened.',
  );
}

const noAdapter = () =>
  new RepvggError(
    "E_DEVICE",
    "WebGPU finds no adapter: a GPU with a Vulkan, Metal or Direct3D 12 driver is needed (on Linux the Vulkan loader too, " +
      "libvulkan1). For a software one, install SwiftShader and point VK_DRIVER_FILES at its vk_swiftshader_icd.json.",
  );

let gpu: Gpu | undefined;

const browserGpu = (): Gpu | undefined => (globalThis.navigator as { gpu?: Gpu } | undefined)?.gpu;

/** `navigator.gpu` and WebGPU's classes, as a browser has them. */
async function provideDawn(): Promise<Gpu> {
  const missing = await missingWebGpuPackages();
  if (missing.length > 0) {
    throw new RepvggError(
      "E_DEVICE",
      `Not installed: ${missing.join(" and ")}. Run: npm install ${missing.join(" ")}.`,
    );
  }
  const { adapter } = (await probeDevice("webgpu", ["webgpu"])) as { adapter: boolean };
  if (!adapter) throw noAdapter(); // before Dawn prints here what it misses
  const dawn = await importOptional<{ create(options: string[]): Gpu; globals: object }>("webgpu");
  Object.assign(globalThis, dawn.globals);
  const created = dawn.create([]);
  const target = globalThis.navigator ?? {};
  Object.defineProperty(target, "gpu", { value: created, configurable: true });
  if (!globalThis.navigator) Object.defineProperty(globalThis, "navigator", { value: target, configurable: true });
  return created;
}

/** The name in a variable, so that bundlers leave the import alone where the package is absent. */
const importOptional = async <T>(name: string): Promise<T> => (await import(/* @vite-ignore */ name)) as T;
