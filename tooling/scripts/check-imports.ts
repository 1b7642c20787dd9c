/** Fails when an import or a dependency goes against the directions of the packages. Prints one line a violation. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { dependencyViolations, importViolations } from "./directions.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const IGNORED = new Set(["node_modules", "dist", "wasm", "runs", "fixtures", ".turbo"]);

/** Source files below a folder, as paths from the root with forward slashes. */
function sourceFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return IGNORED.has(entry.name) ? [] : sourceFiles(path);
    return /\.(ts|mts|js|mjs)$/.test(entry.name) ? [path] : [];
  });
}

const folders = ["packages", "apps", "bench", "tooling"];
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const files = folders.flatMap(sourceFiles);
const manifests = folders.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /(^|[\\/])package\.json$/.test(path) && !path.includes("node_modules"))
    .map((path) => relative(ROOT, join(ROOT, folder, path)).replaceAll("\\", "/")),
);

const violations = [
  ...files.flatMap((path) => importViolations(path, read(path))),
  ...manifests.flatMap((path) => dependencyViolations(path, JSON.parse(read(path)))),
];
for (const violation of violations) console.error(violation);
console.log(
  `Imports: ${files.length} files and ${manifests.length} packages, ${violations.length} against the directions.`,
);
process.exitCode = violations.length > 0 ? 1 : 0;
