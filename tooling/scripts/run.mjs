/**
 * The root commands: `npm start`, `npm run build`, `npm test`, `npm run test:nodes`, `npm run bench`, `npm run experiment`,
 * `npm run check`.
 *
 * Plain JavaScript without dependencies, because it runs before anything is installed and under whatever Node (20.19 or newer)
 * the machine has. It installs what is missing; everything after that runs under the Node that the lockfile pins.
 */
import { install } from "./install.mjs";
import { fail, run, runOrExit } from "./processes.mjs";
import { nodeBinary, testNodes } from "./test-nodes.mjs";

const TURBO = "node_modules/turbo/bin/turbo";
const VITEST = "node_modules/vitest/vitest.mjs";

/** Cached: a package whose sources did not change is not built again. */
const build = () => runOrExit("node", [TURBO, "run", "build", "--output-logs=errors-only", "--log-order=grouped"]);

const PACKING = ["packages/engine/scripts/check-packing.ts"];

const CHECKS = [
  ["biome", "check", "."],
  ["node", TURBO, "run", "typecheck", "--output-logs=errors-only", "--log-order=grouped"],
  ["node", "tooling/scripts/check-imports.ts"],
  ["node", "tooling/scripts/check-text.ts"],
  ["node", "tooling/scripts/check-packages.ts"],
  ["node", ...PACKING],
  ["knip"],
];

/** Every task gets the arguments after `--`. */
const TASKS = {
  async build() {
    await build();
  },

  async start(args) {
    await build();
    return run("node", ["apps/quickstart/src/main.ts", ...args]);
  },

  async experiment(args) {
    await build();
    return run("node", ["apps/experiments/src/main.ts", ...args]);
  },

  async test(args) {
    await build();
    return run("node", [VITEST, "run", ...args]);
  },

  async "test:nodes"(args) {
    await build();
    return testNodes([VITEST, "run", ...args]);
  },

  async bench(args) {
    await build();
    return run("node", ["bench/dist/run.js", ...(await withNodeBinary(args))]);
  },

  /** All checks run, so that one failure does not hide the next. */
  async check() {
    await build();
    const codes = [];
    for (const [command, ...args] of CHECKS) codes.push(await run(command, args));
    // The V8 of the newest Node packs by other rules.
    codes.push(await run(await nodeBinary("26"), PACKING));
    return codes.find((code) => code !== 0) ?? 0;
  },
};

/** Arguments in which the version after `--node` has become its binary. */
async function withNodeBinary(args) {
  const value = args.indexOf("--node") + 1;
  return value > 0 && args[value] ? args.with(value, await nodeBinary(args[value])) : args;
}

const [name = "", ...args] = process.argv.slice(2);
const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
if (!task) fail(`There is no task "${name}". Use one of ${Object.keys(TASKS).join(", ")}.`, 2);
await install();
process.exitCode = (await task(args)) ?? 0;
