import { relative, resolve } from "node:path";
import { type Device, openDevice } from "@repvgg/backend";
import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import { enableWideKernels } from "@repvgg/engine";
import { duration } from "@repvgg/report";
import { HELP, parseArguments, type QuickstartOptions } from "./arguments.ts";
import { runPipeline } from "./pipeline.ts";
import { Progress, type ProgressStream } from "./progress.ts";
import { renderReport } from "./report/report.ts";
import type { QuickstartResult } from "./result.ts";
import { resultTable } from "./result-table.ts";
import { openRunFolder, type RunFolder } from "./run-folder.ts";
import { reduced, SETTINGS } from "./settings.ts";
import { readMnist } from "./stages/mnist.ts";
import { planWork, totalWork } from "./work.ts";

/** What the quickstart takes from its process. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths begin. */
  readonly cwd: string;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: ProgressStream;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * The whole command: parses, runs, reports.
 *
 * @returns The exit code: 0, 1 for a failure, 2 for a wrong command line, 130 when stopped.
 */
export async function quickstart(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stderr, stdout, env } = surroundings;
  try {
    const options = parseArguments(argv, env);
    if (options.help) stdout.write(HELP);
    else await run(options, surroundings);
    return 0;
  } catch (error) {
    if (!(error instanceof RepvggError)) throw error;
    if (error.code === "E_ABORTED") {
      stderr.write("Stopped. What is done is kept: the next npm start continues from here.\n");
      return 130;
    }
    stderr.write(`error ${error.code}: ${error.message}\n`);
    return error.code === "E_USAGE" ? 2 : 1;
  }
}

async function run(options: QuickstartOptions, surroundings: Surroundings): Promise<void> {
  if (options.wide) enableWideKernels(); // before the engine is compiled
  const { threads } = options;
  const device = await openDevice(options.device, { ...(threads !== undefined && { threads }) });
  try {
    await runOn(device, options, surroundings);
  } finally {
    device.dispose();
  }
}

async function runOn(
  device: Device,
  options: QuickstartOptions,
  { env, cwd, stdout, stderr, signal }: Surroundings,
): Promise<void> {
  const started = performance.now();
  const { seeds, firstSeed, fresh } = options;
  const settings = reduced(SETTINGS, options);
  const data = await readMnist(settings);
  const out = resolve(cwd, options.out);
  const shown = (path: string) => (relative(cwd, path).startsWith("..") ? path : relative(cwd, path));
  const { folder, decision } = await openRunFolder(out, { key: JSON.stringify(settings), fresh, shown });
  const work = planWork(settings, data.test.size);
  const plain = env.NO_COLOR !== undefined && env.NO_COLOR !== "";
  const progress = new Progress(stderr, totalWork(work, seeds), { plain });
  progress.log(
    `${decision}\nMNIST: ${data.train.length} images to learn from, ${data.test.length} to test. ${device.description}.`,
  );

  const figures = await runPipeline({ settings, seeds, firstSeed, data, device, folder, work, progress, signal });
  const seconds = (performance.now() - started) / 1000;
  const result: QuickstartResult = { ...figures, seconds, finishedAt: new Date().toISOString() };
  await writeResult(folder, result);
  progress.log("");
  stdout.write(
    `${resultTable(result)}\n\nDone in ${duration(seconds)}. Open the report:\n${shown(folder.file("report.html"))}\n`,
  );
}

async function writeResult(folder: RunFolder, result: QuickstartResult): Promise<void> {
  await writeFileAtomically(folder.file("result.json"), `${JSON.stringify(result)}\n`);
  await writeFileAtomically(folder.file("report.html"), renderReport(result));
  await folder.finish();
}
