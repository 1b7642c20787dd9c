/**
 * Measures the engine beside other libraries: `npm run bench -- --help`.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { CASES } from "./cases.ts";
import { chart } from "./chart.ts";
import { type Comparison, compare, type Settings } from "./compare.ts";
import { cpuModel } from "./cpu-model.ts";
import { compareData } from "./data/compare-data.ts";
import { DATA_ROWS } from "./data/data-rows.ts";
import { compareLoad } from "./load/compare-load.ts";
import { LOAD_ROWS } from "./load/load-rows.ts";
import { resultsPage, rowLines } from "./report.ts";
import { lastResults, mergeRows, type Row, regressions, rowOf, writeResults } from "./results.ts";
import { findPython } from "./worker-process.ts";

/** For other processes to leave the cores alone. */
const WAIT_SECONDS = 20;

const HELP = `npm run bench -- [data] [options]

  data            only the rows about images: from JPEG files to the input of a network

  --only TEXT     the row of this name, or those whose name or title contains it   default: all
  --list          names of the rows
  --rounds N      rounds; every peer has its turn in each                           default: 21
  --seconds N     ends a row's rounds after so long, but not before the fifth        default: 25
  --threads N     threads of each peer where a row does not say (tfjs has one)      default: all cores
  --node VERSION  the Node of the engine and its peers: 20, 22, 26 or a path         default: the pinned one
  --busy-core     another process computes meanwhile and takes one of the cores
  --write         puts what was measured into bench/RESULTS.md, results.json and chart.svg

PyTorch and torchvision take part where python3, or the Python that REPVGG_PYTHON names, has them. Give the machine nothing else to do.
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
      allowPositionals: true,
      options: {
        only: { type: "string", default: "" },
        list: { type: "boolean", default: false },
        rounds: { type: "string", default: "21" },
        seconds: { type: "string", default: "25" },
        threads: { type: "string", default: String(availableParallelism()) },
        node: { type: "string", default: process.execPath },
        "busy-core": { type: "boolean", default: false },
        write: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    fail((error as Error).message);
  }
}

const { values, positionals } = options();
const { only, list, node, write, help, "busy-core": busyCore, ...numbers } = values;
const part = positionals.join(" ");
if (part !== "" && part !== "data") fail(`There is no part "${part}", only "data".`);
const rowsOf = part === "data" ? DATA_ROWS : [...CASES, ...LOAD_ROWS, ...DATA_ROWS];
const named = rowsOf.filter(({ id }) => id === only);
const cases = named.length > 0 ? named : rowsOf.filter(({ id, title }) => id.includes(only) || title.includes(only));
if (busyCore && write) fail("--write keeps what was measured on free cores, not with --busy-core.");
if (help) process.stdout.write(HELP);
else if (list) for (const { id, title } of rowsOf) console.log(`${id.padEnd(26)} ${title}`);
else if (cases.length === 0) fail(`No row contains "${only}"; --list has the names.`);
else await main();

async function main(): Promise<void> {
  const [rounds, threads, seconds] = [
    count("rounds", numbers.rounds),
    count("threads", numbers.threads),
    count("seconds", numbers.seconds),
  ];
  const version = versionOf(node);
  const settings = {
    rounds,
    threads,
    seconds,
    waitSeconds: WAIT_SECONDS,
    interpreters: { node, python: findPython() },
    busyCore,
  };
  const before = lastResults();
  console.log(`${cpuModel()}; Node ${version}; ${cases.length} rows, mostly within a minute each`);

  const rows: Row[] = [];
  for (const [i, work] of cases.entries()) {
    console.error(`\n[${i + 1}/${cases.length}] ${work.id}`);
    const start = performance.now();
    const row = rowOf(await measured(work, settings), version);
    rows.push(row);
    console.log(`\n${rowLines(row).join("\n")}`);
    console.error(`\n${((performance.now() - start) / 1000).toFixed(0)} s`);
    // After every row: a long bench that is ended keeps what it has.
    if (write && row.peers.length > 0) writeAll(mergeRows(lastResults(), [row]));
  }
  for (const sentence of regressions(rows, before)) console.error(`\nSlower than before. ${sentence}`);
  if (rows.some(({ peers }) => peers.length === 0)) process.exitCode = 1;
}

function measured(row: (typeof rowsOf)[number], settings: Settings): Promise<Comparison> {
  if (row.work === "load") return compareLoad(row, settings);
  return row.work === "data" ? compareData(row, settings) : compare(row, settings);
}

/** The version of a Node binary, such as 24.21.0. */
function versionOf(binary: string): string {
  const { stdout, status } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  if (status !== 0) fail(`--node ${binary} does not run.`);
  return stdout.trim().slice(1);
}

function writeAll(rows: readonly Row[]): void {
  writeResults(rows);
  writeFileSync(new URL("../RESULTS.md", import.meta.url), resultsPage(rows));
  const major = Number.parseInt(process.versions.node, 10);
  const drawn = rows.filter(({ cpu, node }) => cpu === cpuModel() && Number.parseInt(node, 10) === major);
  writeFileSync(new URL("../chart.svg", import.meta.url), chart(drawn));
}
