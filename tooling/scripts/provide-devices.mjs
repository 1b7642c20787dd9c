/**
 * Makes the optional devices work that this machine can have, and prints the names of all that must work in its tests, with commas.
 *
 * - native: tensorflow-cpu of pip, kept in ~/.cache/repvgg, linked to tfjs-node. Without Python, pip or a way to PyPI: a note, no failure.
 * - webgpu: where there is SwiftShader.
 *
 * Run after the build. Plain JavaScript, under whatever Node the machine has.
 */
import { spawnSync } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./processes.mjs";
import { swiftShaderEnvironment } from "./swiftshader.mjs";

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "repvgg", "tensorflow-cpu");
/** A slow line; the wheel has a quarter of a gigabyte. */
const TIMEOUT_MS = 300_000;

/** Runs a command quietly; what it wrote is shown when it fails. */
function succeeds(command, args) {
  const { status, error, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    timeout: TIMEOUT_MS,
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status !== 0) console.error(error ? error.message : stderr.trim().split("\n").slice(-2).join("\n"));
  return status === 0;
}

/** Only TensorFlow's libraries and headers are needed, none of the packages that its Python part uses. */
function provideTensorflow() {
  if (existsSync(CACHE)) return true;
  const unfinished = `${CACHE}.${process.pid}`;
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--no-deps",
    "--retries",
    "2",
    "--disable-pip-version-check",
    "--target",
    unfinished,
  ];
  const installed = succeeds("python3", [...pip, "tensorflow-cpu>=2.12"]);
  if (installed) renameSync(unfinished, CACHE);
  else rmSync(unfinished, { recursive: true, force: true });
  return installed;
}

const required = ["wasm", "tfjs-wasm", "cpu"];
if (process.env.VK_DRIVER_FILES || swiftShaderEnvironment().VK_DRIVER_FILES) required.push("webgpu");
if (provideTensorflow()) {
  required.push("native"); // also when it does not link: then the tests say why
  succeeds(process.execPath, ["packages/cli/bin/repvgg.js", "devices", "link-tensorflow", "--from", CACHE]);
} else console.error('The device "native" is not tested: no tensorflow-cpu could be installed with python3 and pip.');
console.log(required.join(","));
