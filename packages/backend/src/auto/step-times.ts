import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, cpus, homedir, hostname } from "node:os";
import { join } from "node:path";
import { findBinding, type TensorflowDevice } from "../tensorflow/tensorflow-packages.ts";
import type { StepTimes } from "./rank-devices.ts";

/**
 * Keeps measured times for {@link readStepTimes}, in place of earlier ones: in `$XDG_CACHE_HOME/repvgg/step-times` (`~/.cache/…`).
 *
 * @throws {Error} The folder cannot be written to.
 */
export async function keepStepTimes(times: StepTimes): Promise<void> {
  const { file, machine } = place();
  const unfinished = `${file}.${process.pid}`;
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(unfinished, `${JSON.stringify({ ...times, machine }, null, 2)}\n`);
  await rename(unfinished, file);
}

/** What was kept on this machine with these versions; undefined where nothing was, or nothing that can be read. */
export async function readStepTimes(): Promise<StepTimes | undefined> {
  try {
    const { measured, step, stepMs } = JSON.parse(await readFile(place().file, "utf8")) as StepTimes;
    const sound =
      [measured, step].every((text) => typeof text === "string") && Object.values(stepMs).every((ms) => ms > 0);
    return sound ? { measured, step, stepMs } : undefined;
  } catch {
    return undefined;
  }
}

/** A file for each machine and its versions: what was measured elsewhere, or with another TensorFlow, says nothing here. */
function place() {
  const require = createRequire(import.meta.url);
  const machine = {
    host: hostname(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    repvgg: (require("../../package.json") as { version: string }).version,
    native: linkedAt("native"),
    cuda: linkedAt("cuda"),
    webgpu: versionOf("webgpu", require),
  };
  const name = createHash("sha256").update(JSON.stringify(machine)).digest("hex").slice(0, 16);
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return { machine, file: join(cache, "repvgg", "step-times", `${name}.json`) };
}

/** When the addon of a device was built, which is done anew for each TensorFlow; null where it is not. */
function linkedAt(device: TensorflowDevice): number | null {
  const addon = findBinding(device)?.addon;
  return addon ? (statSync(addon, { throwIfNoEntry: false })?.mtimeMs ?? null) : null;
}

function versionOf(name: string, require: NodeJS.Require): string | null {
  try {
    return (require(`${name}/package.json`) as { version: string }).version;
  } catch {
    return null;
  }
}
