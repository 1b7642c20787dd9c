/** Fails when a published package would not install, resolve or type as it should, or has no README or changeset. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BIN = join(ROOT, "node_modules", ".bin");
const execute = promisify(execFile);

/** Output of a command that failed; undefined when it succeeded. */
async function failureOf(folder: string, command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    await execute(join(BIN, command), [...args], { cwd: folder, shell: process.platform === "win32" });
    return undefined;
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    return `${command}: ${stdout + stderr || message}`;
  }
}

/** Names of the packages that a changeset of the next release speaks of. */
function namesInChangesets(): Set<string> {
  const folder = join(ROOT, ".changeset");
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .map((name) => readFileSync(join(folder, name), "utf8"));
  return new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/^["']?(@repvgg\/[\w-]+)["']?: (?:patch|minor|major)$/gm)].map((m) => m[1]!),
    ),
  );
}

async function problemsOf(name: string, changed: ReadonlySet<string>): Promise<string[]> {
  const folder = join(ROOT, "packages", name);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const problems: string[] = [];
  if (!existsSync(join(folder, "README.md"))) problems.push("README.md is missing.");
  if (manifest.version === "0.0.0" && !changed.has(manifest.name))
    problems.push("No changeset announces its first version.");
  if (manifest.engines?.node !== ">=20.19") problems.push('engines.node must be ">=20.19".');
  const failures = await Promise.all([
    failureOf(folder, "publint", ["run", "--strict"]),
    failureOf(folder, "attw", ["--pack", ".", "--profile", "esm-only", "--no-emoji", "--no-color"]),
  ]);
  return [...problems, ...failures.filter((failure) => failure !== undefined)];
}

const changed = namesInChangesets();
const names = readdirSync(join(ROOT, "packages"));
const unknown = [...changed].filter((name) => !names.includes(name.replace("@repvgg/", "")));
let problemCount = unknown.length;
for (const name of unknown) console.error(`A changeset names ${name}, which does not exist.`);
for (const name of names) {
  const problems = await problemsOf(name, changed);
  problemCount += problems.length;
  for (const problem of problems) console.error(`packages/${name}: ${problem}`);
}
console.log(`Packages: ${names.length}, ${problemCount} problems.`);
process.exitCode = problemCount > 0 ? 1 : 0;
