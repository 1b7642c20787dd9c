/**
 * Measures the engine beside other libraries: `npm run bench -- --help`.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { CASES } from "./cases.ts";
import { chart } from "./chart.ts";
import { compare } from "./compare.ts";
import { comparisonLines, machineLines } from "./report.ts";
import { lastResults, type Row, regressions, rowOf, writeResults } from "./results.ts";
import { findPython } from "./worker-process.ts";

const HELP = `npm run bench -- [options]

  --only TEXT     rows whose name or title contains it (--list has the names)       default: all
  --list          names of the rows
  --rounds N      rounds; every peer has its turn in each                           default: 21
  --threads N     threads of each peer where a row does not say (tfjs has one)      default: all cores
  --node VERSION  the Node of the engine and its peers: 20, 22, 26 or a path         default: the pinned one
  --write         also writes bench/RESULTS.md, results.json and chart.svg

PyTorch takes part where python3, or the Python that REPVGG_PYTHON names, has torch. Give the machine nothing else to do.
`;

/** A whole number of 1 or more. */
function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) fail(`--${name} must be a whole number, 1 or more, got "${text}".`);
  return value;
}

function fail(message: string): never {
  console.error(`${message} See npm run bench -- --help.`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        only: { type: "string", default: "" },
        list: { type: "boolean", default: false },
        rounds: { type: "string", default: "21" },
        threads: { type: "string", default: String(availableParallelism()) },
        node: { type: "string", default: process.execPath },
        write: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    fail((error as Error).message);
  }
}

const { only, list, node, write, help, ...numbers } = options();
const cases = CASES.filter(({ id, title }) => id.includes(only) || title.includes(only));
if (help) process.stdout.write(HELP);
else if (list) for (const { id, title } of CASES) console.log(`${id.padEnd(26)} ${title}`);
else if (cases.length === 0) fail(`No row contains "${only}"; --list has the names.`);
else await main();

async function main(): Promise<void> {
  const [rounds, threads] = [count("rounds", numbers.rounds), count("threads", numbers.threads)];
  const settings = { rounds, threads, interpreters: { node, python: findPython() } };
  const machine = machineLines(rounds);
  console.log(machine.join("\n"));

  const rows: Row[] = [];
  const lines: string[] = [];
  for (const work of cases) {
    const comparison = await compare(work, settings);
    rows.push(rowOf(comparison));
    const text = ["", ...comparisonLines(comparison)];
    console.log(text.join("\n"));
    lines.push(...text);
  }
  for (const sentence of regressions(rows, lastResults())) console.error(`\nSlower than before. ${sentence}`);
  if (write) writeAll(machine, lines, rows);
}

/** Only of all rows: part of them would leave the file without the others. */
function writeAll(machine: readonly string[], lines: readonly string[], rows: readonly Row[]): void {
  if (cases.length < CASES.length) fail("--write is for all rows; leave --only out.");
  const head = [
    "# Measured speed",
    "",
    "Written by `npm run bench -- --write`.",
    "",
    ...machine,
    "",
    "![Chart](chart.svg)",
  ];
  writeFileSync(new URL("../RESULTS.md", import.meta.url), `${[...head, ...lines].join("\n")}\n`);
  writeFileSync(new URL("../chart.svg", import.meta.url), chart(rows));
  writeResults(rows);
}
