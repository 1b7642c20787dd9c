/** Fails when a file under version control names a machine's folder or another registry than npm's. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { textViolations } from "./text-rules.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const paths = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0").filter(Boolean);
const violations = paths.flatMap((path) => {
  const bytes = readFileSync(join(ROOT, path));
  const isBinary = bytes.subarray(0, 8000).includes(0);
  return isBinary ? [] : textViolations(path, bytes.toString("utf8"));
});
for (const violation of violations) console.error(violation);
console.log(`Text: ${paths.length} files, ${violations.length} violations.`);
process.exitCode = violations.length > 0 ? 1 : 0;
