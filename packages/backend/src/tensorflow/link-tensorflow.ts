import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { checkTensorflow } from "./check-tensorflow.ts";
import { findTensorflow, LIBRARIES, linkError } from "./find-tensorflow.ts";
import { TENSORFLOW_PACKAGES, type TensorflowDevice } from "./load-tensorflow.ts";

/** Node-API version of the addon: every Node from 18.17 on loads it, whichever it was built on. */
const NAPI_VERSION = 8;

export interface LinkOptions {
  /** Which package is linked. @default "native" */
  readonly device?: TensorflowDevice;
  /** A folder, a wheel, or a Python that has TensorFlow. @default "python3" */
  readonly from?: string;
}

export interface Linked {
  /** Of TensorFlow. */
  readonly version: string;
  /** Where it lies. */
  readonly folder: string;
  /** Whether it sees a GPU. */
  readonly gpu: boolean;
}

/**
 * Links tfjs-node (or its GPU package) to the TensorFlow that pip installed, and builds its addon against that, in seconds.
 *
 * Its own installer would download TensorFlow 2.9 (and for GPUs need CUDA 11.2). The addon is two C++ files that are compiled against
 * the package `node-api-headers`. Nothing of TensorFlow is copied: moving or removing it breaks the link.
 *
 * @throws {RepvggError} `E_DEVICE`: something is missing or does not fit; the message says what, and how to get it.
 */
export async function linkTensorflow({ device = "native", from = "python3" }: LinkOptions = {}): Promise<Linked> {
  if (!["linux", "darwin"].includes(process.platform)) {
    throw linkError(
      `TensorFlow's wheels can be linked on Linux and macOS, not on ${process.platform}. Use the device "wasm" or "webgpu".`,
    );
  }
  const target = bindingFolder(device);
  const headers = nodeApiHeaders();
  const folder = findTensorflow(from, target);
  const compiler = findCompiler();
  linkLibraries(folder, target);
  build(target, compiler, headers);
  return { folder, ...(await checkTensorflow(device)) };
}

function bindingFolder(device: TensorflowDevice): string {
  const name = TENSORFLOW_PACKAGES[device];
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch (cause) {
    throw linkError(
      `The package ${name} is not installed. Run: npm install --ignore-scripts ${name} node-api-headers.`,
      cause,
    );
  }
}

function nodeApiHeaders(): string {
  try {
    const { include_dir } = createRequire(import.meta.url)("node-api-headers") as { include_dir: string };
    return include_dir;
  } catch (cause) {
    throw linkError("The package node-api-headers is not installed. Run: npm install node-api-headers.", cause);
  }
}

function findCompiler(): string {
  const compiler = process.env.CXX ?? (process.platform === "darwin" ? "clang++" : "g++");
  if (!spawnSync(compiler, ["--version"]).error) return compiler;
  const install =
    process.platform === "darwin" ? "xcode-select --install" : "apt install g++ (or your system's package)";
  throw linkError(
    `There is no C++ compiler ("${compiler}"). Install one: ${install}; or name one in the variable CXX.`,
  );
}

/** Where the addon looks: `deps/lib`, `deps/include`, and for CUDA's libraries `deps/nvidia`, as TensorFlow's own path is relative. */
function linkLibraries(folder: string, target: string): void {
  const deps = join(target, "deps");
  const link = (to: string, ...path: string[]) => {
    const at = join(deps, ...path);
    rmSync(at, { recursive: true, force: true });
    symlinkSync(to, at);
  };
  rmSync(join(deps, "lib"), { recursive: true, force: true });
  mkdirSync(join(deps, "lib"), { recursive: true });
  for (const library of LIBRARIES) link(join(folder, library), "lib", library);
  link(join(folder, "include"), "include");
  const nvidia = join(dirname(folder), "nvidia");
  if (existsSync(nvidia)) link(nvidia, "nvidia");
}

function build(target: string, compiler: string, headers: string): void {
  const folder = join(target, "lib", `napi-v${NAPI_VERSION}`);
  mkdirSync(folder, { recursive: true });
  const built = join(folder, "tfjs_binding.node");
  const unfinished = `${built}.${process.pid}`; // a process that runs now keeps the old one
  const darwin = process.platform === "darwin";
  const options = [
    ...["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${NAPI_VERSION}`],
    ...(darwin ? ["-undefined", "dynamic_lookup"] : []),
    ...[`-I${headers}`, `-I${join(target, "deps", "include")}`],
    ...[join("binding", "tfjs_backend.cc"), join("binding", "tfjs_binding.cc"), "-o", unfinished],
    ...LIBRARIES.map((library) => join(target, "deps", "lib", library)),
    `-Wl,-rpath,${darwin ? "@loader_path" : "$ORIGIN"}/../../deps/lib`,
  ];
  try {
    execFileSync(compiler, options, { cwd: target, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  } catch (cause) {
    rmSync(unfinished, { force: true });
    const { stderr = "" } = cause as { stderr?: string };
    const reason = /^.*\berror: .*$/m.exec(stderr)?.[0] ?? stderr.trim().split("\n").at(-1);
    throw linkError(`The addon cannot be built with ${compiler}: ${reason}.`, cause);
  }
  renameSync(unfinished, built);
}
