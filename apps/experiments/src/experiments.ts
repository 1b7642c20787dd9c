import { join, relative, resolve } from "node:path";
import { type Device, openDevice } from "@repvgg/backend";
import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import { firstImages } from "@repvgg/data";
import { loadMnist, makeFolder, mnistDataFolder } from "@repvgg/data/node";
import { enableWideKernels } from "@repvgg/engine";
import { type Arguments, HELP, parseArguments } from "./arguments.ts";
import type { ExperimentResult } from "./experiment.ts";
import { Lab, workOf } from "./lab.ts";
import { renderPage } from "./page.ts";
import { textOf } from "./text-table.ts";
import type { Protocol, Training } from "./training.ts";
import { WorkLog } from "./work-log.ts";

/** What the command takes from its process. */
export interface Surroundings {
  /** Where relative paths begin. */
  readonly cwd: string;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * The whole command.
 *
 * @returns The exit code: 0; 1 for a failure, a finding that is not found included; 2 for a wrong command line; 130 when stopped.
 */
export async function experiments(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stderr, stdout } = surroundings;
  try {
    const options = parseArguments(argv);
    if (options.help) {
      stdout.write(HELP);
      return 0;
    }
    const results = await run(options, surroundings);
    return results.every(({ findings }) => findings.every(({ holds }) => holds)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof RepvggError)) throw error;
    if (error.code === "E_ABORTED") {
      stderr.write("Stopped. Finished trainings are kept: the same command goes on after them.\n");
      return 130;
    }
    stderr.write(`error ${error.code}: ${error.message}\n`);
    return error.code === "E_USAGE" ? 2 : 1;
  }
}

async function run(options: Arguments, surroundings: Surroundings): Promise<readonly ExperimentResult[]> {
  const { threads, json } = options;
  const { cwd, stdout } = surroundings;
  enableWideKernels(); // before the engine is compiled
  const device = await openDevice(options.device, { ...(threads !== undefined && { threads }) });
  try {
    const results = await judgeAll(options, surroundings, device);
    const about = [
      `Node ${process.version}, ${device.description}`,
      `seeds ${options.seeds.join(", ")}`,
      `${new Date().toISOString().slice(0, 10)}`,
    ];
    const out = resolve(cwd, options.out);
    const name = options.experiments.length === 1 ? results[0]!.name : "all";
    await makeFolder(out);
    const value = { experiments: results, about };
    await writeFileAtomically(join(out, `${name}.json`), `${JSON.stringify(value)}\n`);
    const page = join(out, `${name}.html`);
    await writeFileAtomically(page, renderPage(results, about));
    if (json) stdout.write(`${JSON.stringify(value)}\n`);
    else stdout.write(`${results.map(textOf).join("\n\n")}\n\nFigures: ${relative(cwd, page)}\n`);
    return results;
  } finally {
    device.dispose();
  }
}

async function judgeAll(
  { experiments: chosen, seeds, limit, epochs, out }: Arguments,
  { cwd, stderr, signal }: Surroundings,
  device: Device,
): Promise<ExperimentResult[]> {
  const mnist = mnistDataFolder(import.meta.url);
  const [train, test] = await Promise.all([loadMnist(mnist, { split: "train" }), loadMnist(mnist, { split: "test" })]);
  const protocol: Protocol = { seeds, limit, epochs };
  const trainings = withoutTwins(chosen.flatMap((experiment) => experiment.trainings(protocol)));
  const total = trainings.reduce((sum, training) => sum + workOf(training, train), 0);
  const write = (line: string) => void stderr.write(`${line}\n`);
  write(`MNIST: ${trainings.length} trainings on ${device.description}.`);
  const folder = join(resolve(cwd, out), "trainings");
  const lab = new Lab({
    device,
    data: { train, test: firstImages(test, Math.min(limit, test.length)) },
    folder,
    log: new WorkLog(write, total),
    signal,
  });
  for (const training of trainings) await lab.train(training);
  return chosen.map((experiment) => experiment.judge(lab, protocol));
}

/** Experiments share trainings: the teacher's. */
function withoutTwins(trainings: readonly Training[]): Training[] {
  return [...new Map(trainings.map((training) => [JSON.stringify(training), training])).values()];
}
