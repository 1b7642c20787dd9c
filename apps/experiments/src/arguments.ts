import { parseArgs } from "node:util";
import { DEVICE_NAMES } from "@repvgg/backend";
import { nearestName, RepvggError } from "@repvgg/core";
import { DIGIT_3 } from "./digit-3.ts";
import type { Experiment } from "./experiment.ts";
import { HINTON } from "./hinton.ts";
import { TEMPERATURE } from "./temperature.ts";

const EXPERIMENTS: readonly Experiment[] = [HINTON, DIGIT_3, TEMPERATURE];
const NAMES = [...EXPERIMENTS.map(({ name }) => name), "all"];

export interface Arguments {
  readonly help: boolean;
  readonly experiments: readonly Experiment[];
  readonly seeds: readonly number[];
  readonly out: string;
  readonly device: string;
  readonly threads: number | undefined;
  readonly limit: number;
  readonly epochs: number | undefined;
  readonly json: boolean;
}

export const HELP = `Looks for the findings of Hinton, Vinyals and Dean 2015, §3, with RepVGG networks on MNIST.

Usage: npm run experiment -- EXPERIMENT [options]

${EXPERIMENTS.map(({ name, help }) => `  ${name.padEnd(14)} ${help}`).join("\n")}
  all            each of them

  --seeds LIST   of the students, with commas (default 1,2,3)
  --out DIR      where results and finished trainings go (default runs/experiments)
  --device NAME  what computes: auto, ${DEVICE_NAMES.join(", ")} (default auto)
  --threads N    threads of the computation (default: all cores)
  --limit N      only the first N training and test images: a quick look, at least 256 (default 60000)
  --epochs N     epochs of every training (default: teacher and students 4, of temperature 3)
  --json         one JSON value on standard output
  --help         this text

Example: npm run experiment -- digit-3 --seeds 4,5,6

Ctrl-C stops; finished trainings are kept, and the next start goes on after them.
`;

const OPTIONS = {
  seeds: { type: "string" },
  out: { type: "string" },
  device: { type: "string" },
  threads: { type: "string" },
  limit: { type: "string" },
  epochs: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws {RepvggError} `E_USAGE`: no such experiment or option, or a value out of range. */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parse(argv);
  const help = values.help ?? false;
  return {
    help,
    experiments: help ? [] : experimentsOf(positionals),
    seeds: seedsOf(values.seeds ?? "1,2,3"),
    out: values.out ?? "runs/experiments",
    device: deviceOf(values.device ?? "auto"),
    threads: wholeNumber("threads", values.threads, 1, 64),
    limit: wholeNumber("limit", values.limit, 256, 60_000) ?? 60_000,
    epochs: wholeNumber("epochs", values.epochs, 1, 1000),
    json: values.json ?? false,
  };
}

const usage = (message: string, cause?: unknown) => new RepvggError("E_USAGE", message, { cause });

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (cause) {
    throw usage(`${(cause as Error).message.split(/\.\s/)[0]}. --help lists the options.`, cause);
  }
}

function experimentsOf(positionals: readonly string[]): readonly Experiment[] {
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw usage(`Name one experiment: ${NAMES.join(", ")}.`);
  if (name === "all") return EXPERIMENTS;
  const found = EXPERIMENTS.find((experiment) => experiment.name === name);
  if (found) return [found];
  throw usage(`There is no experiment "${name}". Did you mean ${nearestName(name, NAMES)}? All: ${NAMES.join(", ")}.`);
}

function seedsOf(text: string): number[] {
  const seeds = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const fit = seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31);
  if (fit && new Set(seeds).size === seeds.length) return seeds;
  throw usage(`--seeds must be different whole numbers from 0 on, as in 1,2,3, got "${text}".`);
}

function deviceOf(name: string): string {
  const known = ["auto", ...DEVICE_NAMES];
  if (known.includes(name)) return name;
  throw usage(`--device must be one of ${known.join(", ")}, got "${name}".`);
}

function wholeNumber(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw usage(`--${name} must be a whole number from ${least} to ${most}, got "${text}".`);
}
