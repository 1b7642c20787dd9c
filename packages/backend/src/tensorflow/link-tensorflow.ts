import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkTensorflow } from "./check-tensorflow.ts";
import { findTensorflow, LIBRARIES, linkError } from "./find-tensorflow.ts";
import {
  type Binding,
  findBinding,
  installCommand,
  NAPI_VERSION,
  TENSORFLOW_PACKAGES,
  type TensorflowDevice,
} from "./tensorflow-packages.ts";

/** The source of the addon that keeps quiet what TensorFlow writes while it is loaded. */
const STDERR_SOURCE = fileURLToPath(new URL("../../native/stderr.cc", import.meta.url));

export interface LinkOptions {
  /** Which package is linked. @default "native" */
  readonly device?: TensorflowDevice;
  /** A folder, a wheel, or a Python that has TensorFlow. @default "python3" */
  readonly from?: string;
}

export interface Linked {
  /** Which TensorFlow, for people. */
  readonly description: string;
  /** Where it lies. */
  readonly folder: string;
}

/**
 * Links tfjs-node (or its GPU package) to the TensorFlow that pip installed, and builds its addon against that, in seconds.
 *
 * Its own installer would download TensorFlow 2.9 (and for GPUs need CUDA 11.2). The addon is two C++ files (and one of ours, for the log) that are
 * compiled against the package `node-api-headers`. Nothing of TensorFlow is copied: moving or removing it breaks the link.
 *
 * @throws {RepvggError} `E_DEVICE`: something is missing or does not fit; the message says what, and how to get it.
 */
export async function linkTensorflow({ device = "native", from = "python3" }: LinkOptions = {}): Promise<Linked> {
  if (!["linux", "darwin"].includes(process.platform)) {
    throw linkError(
      `TensorFlow's wheels can be linked on Linux and macOS, not on ${process.platform}. Use the device "wasm" or "webgpu".`,
    );
  }
  const binding = bindingOf(device);
  assertWritable(dirname(binding.addon));
  const headers = nodeApiHeaders();
  const folder = findTensorflow(from, binding.folder);
  const compiler = findCompiler();
  build(binding, folder, compiler, headers);
  linkLibraries(folder, binding); // after the build: one that fails leaves what was linked before
  return { folder, description: await checkTensorflow(device) };
}

function bindingOf(device: TensorflowDevice): Binding {
  const binding = findBinding(device);
  if (binding) return binding;
  throw linkError(`The package ${TENSORFLOW_PACKAGES[device]} is not installed. Run: ${installCommand(device)}.`);
}

/**
 * Makes a folder to build in.
 *
 * @throws {RepvggError} `E_DEVICE`: this user may not, or its disk is read-only.
 */
export function assertWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw linkError(
      `${folder} cannot be written to (${code}), and the addon is built there. Link as the user who installed the package, or install it in a folder of your own.`,
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

/** Where the addon looks when it is loaded: `deps/lib`, and for CUDA's libraries `deps/nvidia`, as TensorFlow's own path is relative. */
function linkLibraries(folder: string, binding: Binding): void {
  const deps = join(binding.folder, "deps");
  const link = (to: string, ...path: string[]) => {
    const at = join(deps, ...path);
    rmSync(at, { recursive: true, force: true });
    symlinkSync(to, at);
  };
  rmSync(join(deps, "lib"), { recursive: true, force: true });
  mkdirSync(join(deps, "lib"), { recursive: true });
  for (const library of LIBRARIES) link(join(folder, library), "lib", library);
  const nvidia = join(dirname(folder), "nvidia");
  if (existsSync(nvidia)) link(nvidia, "nvidia");
}

function build({ folder, addon, stderr }: Binding, tensorflow: string, compiler: string, headers: string): void {
  const darwin = process.platform === "darwin";
  compile(compiler, [STDERR_SOURCE, `-I${headers}`], stderr);
  const options = [
    ...[join(folder, "binding", "tfjs_backend.cc"), join(folder, "binding", "tfjs_binding.cc")],
    ...[`-I${headers}`, `-I${join(tensorflow, "include")}`],
    ...LIBRARIES.map((library) => join(tensorflow, library)),
    `-Wl,-rpath,${darwin ? "@loader_path" : "$ORIGIN"}/../../deps/lib`,
  ];
  compile(compiler, options, addon);
}

/** Builds an addon of Node's. */
function compile(compiler: string, options: readonly string[], output: string): void {
  const unfinished = `${output}.${process.pid}`; // a process that runs now keeps the old one
  const common = ["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${NAPI_VERSION}`];
  if (process.platform === "darwin") common.push("-undefined", "dynamic_lookup");
  try {
    const stdio = ["ignore", "ignore", "pipe"] as const;
    execFileSync(compiler, [...common, ...options, "-o", unfinished], { stdio: [...stdio], encoding: "utf8" });
  } catch (cause) {
    rmSync(unfinished, { force: true });
    const { stderr = "" } = cause as { stderr?: string };
    const reason = /^.*\berror: .*$/m.exec(stderr)?.[0] ?? stderr.trim().split("\n").at(-1);
    throw linkError(
      `The addon cannot be built with ${compiler}: ${reason}. If TensorFlow is damaged: python3 -m pip install --force-reinstall tensorflow-cpu.`,
      cause,
    );
  }
  renameSync(unfinished, output);
}
