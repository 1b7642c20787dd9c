import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { RepvggError } from "@repvgg/core";

/** A slow device takes this long for its few steps, at the sizes that are measured by default, on a slow machine. */
const TIMEOUT_MS = 300_000;

export interface StepOptions {
  readonly model: string;
  readonly batch: number;
  readonly imageSize: number;
  readonly threads?: number | undefined;
  readonly noWide?: boolean;
}

/** A warm-up, then the median of a few; of a slow device the first step tells enough. */
const RUNS = ["--warmup", "1", "--runs", "5", "--seconds", "3"];

/**
 * Milliseconds of a training step on a device: the median that `repvgg bench --train` finds, in a process of its own, since
 * TensorFlow is loaded once a process, and a crash there must end nobody's work.
 *
 * @throws {RepvggError} `E_DEVICE`: it fails there, or crashes.
 */
export function measureStep(device: string, options: StepOptions): Promise<number> {
  const { model, batch, imageSize, threads, noWide } = options;
  const bin = fileURLToPath(new URL("../../bin/repvgg.js", import.meta.url));
  const args = [
    ...[bin, "bench", model, "--train", "--json", "--device", device, "--batch", String(batch)],
    ...["--image-size", String(imageSize), ...RUNS],
    ...(threads === undefined ? [] : ["--threads", String(threads)]),
    ...(noWide ? ["--no-wide"] : []),
  ];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (!error) return resolve(JSON.parse(stdout).latencyMs.median);
      const why = error.killed
        ? `it took longer than ${TIMEOUT_MS / 1000} s`
        : error.signal
          ? `its process crashed (${error.signal})`
          : (/^error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split("\n").at(-1));
      reject(new RepvggError("E_DEVICE", `No training step on the device "${device}": ${why}`, { cause: error }));
    });
  });
}
