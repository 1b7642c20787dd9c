import { parseArgs } from "node:util";
import { DEVICE_NAMES } from "@repvgg/backend";
import { nearestName, RepvggError } from "@repvgg/core";
import { FIRST_STUDENT_SEED } from "./settings.ts";

export interface QuickstartOptions {
  readonly help: boolean;
  readonly seeds: number;
  /** The first student's; the others count on from it. */
  readonly firstSeed: number;
  /** Runs get numbered folders in it. */
  readonly out: string;
  readonly device: string;
  readonly threads: number | undefined;
  readonly fresh: boolean;
  readonly wide: boolean;
  readonly limit: number | undefined;
  readonly epochs: number | undefined;
}

const DEVICES = ["auto", ...DEVICE_NAMES];

export const HELP = `Trains a teacher and a student on MNIST, distils, fuses, proves, and writes a report.

Usage: npm start -- [options]

  --seeds N      students of so many seeds, each alone and distilled (default 1)
  --first-seed N the first student's seed, the others count on from it (default ${FIRST_STUDENT_SEED})
  --out DIR      where runs go, each in a numbered folder (default runs/quickstart)
  --device NAME  what computes: ${DEVICES.join(", ")} (default auto)
  --threads N    threads of the computation (default: all cores)
  --fresh        start anew, even if an unfinished run could be continued
  --no-wide      do not ask V8 for 256-bit vectors; REPVGG_NO_WIDE=1 does the same
  --limit N      only the first N training images, and at most N test images: a quick look, at least 128
  --epochs N     epochs of every training (default: teacher 4, students 3)
  --help         this text

Example: npm start -- --seeds 3

Ctrl-C stops after the running step and keeps what is done; the next start continues from there.
`;

const OPTIONS = {
  seeds: { type: "string" },
  "first-seed": { type: "string" },
  out: { type: "string" },
  device: { type: "string" },
  threads: { type: "string" },
  fresh: { type: "boolean" },
  "no-wide": { type: "boolean" },
  limit: { type: "string" },
  epochs: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * The options of a command line.
 *
 * @throws {RepvggError} `E_USAGE`: an unknown flag, or a value out of range.
 */
export function parseArguments(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): QuickstartOptions {
  const values = parse(argv);
  return {
    help: values.help ?? false,
    seeds: wholeNumber("seeds", values.seeds, 1, 100) ?? 1,
    firstSeed: wholeNumber("first-seed", values["first-seed"], 0, 2 ** 31 - 1) ?? FIRST_STUDENT_SEED,
    out: values.out ?? "runs/quickstart",
    device: oneOf("device", values.device, DEVICES) ?? "auto",
    threads: wholeNumber("threads", values.threads, 1, 64),
    fresh: values.fresh ?? false,
    wide: !(values["no-wide"] ?? false) && env.REPVGG_NO_WIDE !== "1",
    limit: wholeNumber("limit", values.limit, 128, 60_000),
    epochs: wholeNumber("epochs", values.epochs, 1, 1000),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw new RepvggError("E_USAGE", `${explain(argv, cause as Error)} --help lists the options.`, { cause });
  }
}

function explain(argv: readonly string[], error: Error): string {
  const name = (arg: string) => arg.replace(/^-+/, "").split("=")[0]!;
  const unknown = argv.find((arg) => arg.startsWith("-") && !(name(arg) in OPTIONS) && arg !== "-h");
  if (unknown === undefined) return `${error.message.split(/\.\s/)[0]}.`;
  const nearest = nearestName(name(unknown), Object.keys(OPTIONS));
  return `There is no option ${unknown.split("=")[0]}.${nearest === undefined ? "" : ` Did you mean --${nearest}?`}`;
}

function wholeNumber(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RepvggError("E_USAGE", `--${name} must be a whole number from ${least} to ${most}, got "${text}".`);
}

function oneOf(name: string, text: string | undefined, known: readonly string[]): string | undefined {
  if (text === undefined || known.includes(text)) return text;
  throw new RepvggError("E_USAGE", `--${name} must be one of ${known.join(", ")}, got "${text}".`);
}
