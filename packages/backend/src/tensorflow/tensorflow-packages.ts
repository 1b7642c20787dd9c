import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The packages that bind TensorFlow; both call their tfjs backend "tensorflow", so a process can load one of them. */
export const TENSORFLOW_PACKAGES = { native: "@tensorflow/tfjs-node", cuda: "@tensorflow/tfjs-node-gpu" } as const;
export type TensorflowDevice = keyof typeof TENSORFLOW_PACKAGES;

/** Node-API version of the addon: every Node from 18.17 on loads it, whichever it was built on. */
export const NAPI_VERSION = 8;

/** What npm installs for a device, and what `repvgg devices link-tensorflow` makes in it. */
export interface Binding {
  readonly folder: string;
  /** The addon. */
  readonly addon: string;
  /** A second addon, which can mute stderr. */
  readonly stderr: string;
}

/** The installed package of a device; undefined where there is none. */
export function findBinding(device: TensorflowDevice): Binding | undefined {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${TENSORFLOW_PACKAGES[device]}/package.json`));
    const built = join(folder, "lib", `napi-v${NAPI_VERSION}`);
    return { folder, addon: join(built, "tfjs_binding.node"), stderr: join(built, "stderr.node") };
  } catch {
    return undefined;
  }
}

/** Whether the package is installed and its addon is there; whether it loads is another question. */
export function isLinked(device: TensorflowDevice): boolean {
  const binding = findBinding(device);
  return binding !== undefined && existsSync(binding.addon);
}

const FLAGS = { native: "", cuda: " --gpu" };

/** The commands that make the device work, for people. */
export const installCommand = (device: TensorflowDevice): string =>
  `npm install --ignore-scripts ${TENSORFLOW_PACKAGES[device]}@4.22.0 node-api-headers`;
export const linkCommand = (device: TensorflowDevice): string => `repvgg devices link-tensorflow${FLAGS[device]}`;
