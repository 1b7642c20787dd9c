import { execFile } from "node:child_process";
import { availableMemory } from "node:process";
import { fileURLToPath } from "node:url";
import { RepvggError, type RepvggErrorCode } from "@repvgg/core";
import type { Settings } from "../settings.ts";
import { findBatchSize, type ProbedBatch } from "./find-batch-size.ts";
import type { ProbeAnswer } from "./probe-process.ts";

/** The same from the sources and from the build: the process runs on any Node. */
const SCRIPT = fileURLToPath(new URL("../../../dist/run/batch-size/probe-process.js", import.meta.url));
const TIMEOUT_MS = 600_000;

/**
 * `--batch-size auto`: the batch size for a training on its device, by real steps; see {@link findBatchSize}.
 *
 * @param note Is told each batch that was tried, and what was chosen and why.
 * @throws {RepvggError} `E_MEMORY`: not even one image fits; what is wrong with the settings.
 */
export async function chooseBatchSize(
  settings: Omit<Settings, "batchSize">,
  note: (text: string) => void,
): Promise<number> {
  const { batchSize, reason } = await findBatchSize({
    availableBytes: availableMemory(),
    async probe(batchSize) {
      const probed = await takeSteps({ ...settings, batchSize });
      note(`--batch-size auto: ${batchSize} at ${Math.round(probed.imagesPerSecond)} images/s`);
      return probed;
    },
  });
  note(`--batch-size auto: ${batchSize} is chosen: ${reason}`);
  return batchSize;
}

/** @throws {RepvggError} `E_MEMORY`: it ran out of memory, or crashed, as processes do that are out of it. */
function takeSteps(settings: Settings): Promise<ProbedBatch> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: 2 ** 24 };
    execFile(process.execPath, [SCRIPT, JSON.stringify(settings)], options, (failure, stdout, stderr) => {
      const line = /^\{.*\}$/m.exec(stdout)?.[0];
      const answer = line === undefined ? undefined : (JSON.parse(line) as ProbeAnswer);
      if (answer && !("error" in answer)) return resolve(answer);
      if (failure?.signal === "SIGINT") return reject(new RepvggError("E_ABORTED", "Stopped."));
      const { code = "E_DEVICE", message } = answer?.error ?? {
        code: failure?.signal ? "E_MEMORY" : "E_DEVICE",
        message: `A step of ${settings.batchSize} images ended its process: ${failure?.signal ?? stderr.trim().split("\n").at(-1)}`,
      };
      reject(new RepvggError(code as RepvggErrorCode, message, { cause: failure }));
    });
  });
}
