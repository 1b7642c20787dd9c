import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { ENVIRONMENT, ROOT, run, runOrExit } from "./processes.mjs";

/** The oldest Node that the packages support, and the newest of each later line; the pinned one stands for its own line. */
const VERSIONS = ["20.19.0", "22.23.3", "pinned", "26.9.0"];

/**
 * Runs `node ...args` under each supported Node, and says at the end how each did.
 *
 * @returns The exit code of the first that failed, else 0.
 */
export async function testNodes(args) {
  const results = [];
  for (const name of VERSIONS) {
    const version = name === "pinned" ? pinnedVersion() : name;
    const node = await nodeBinary(name);
    console.error(`\nNode ${version}`);
    // First in the path as well, for the tests that start another process.
    const environment = { ...ENVIRONMENT, PATH: [dirname(node), ENVIRONMENT.PATH].join(delimiter) };
    results.push({ version, code: await run(node, args, environment) });
  }
  for (const { version, code } of results) console.error(`Node ${version}: ${code === 0 ? "passed" : `exit ${code}`}`);
  return results.find(({ code }) => code !== 0)?.code ?? 0;
}

/** The path of the Node that `name` stands for: "pinned", one of the supported versions or its major number; a path stays. */
export async function nodeBinary(name) {
  if (name === "pinned") return join(ROOT, "node_modules", "node", "bin", executable());
  const version = VERSIONS.find((version) => version === name || version.startsWith(`${name}.`));
  return version ? fetchNode(version) : name;
}

const executable = () => (process.platform === "win32" ? "node.exe" : "node");

function pinnedVersion() {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).devDependencies.node;
}

/** The path of a Node binary, fetched through npm into .nodes/ the first time. */
async function fetchNode(version) {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const folder = join(ROOT, ".nodes", version);
  const binary = join(folder, "node_modules", name, "bin", executable());
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    await runOrExit("npm", [
      "install",
      "--prefix",
      folder,
      "--no-save",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      `${name}@${version}`,
    ]);
  }
  return binary;
}
