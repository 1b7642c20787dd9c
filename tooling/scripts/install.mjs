import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENVIRONMENT, ROOT, runOrExit } from "./processes.mjs";

const MARKER = join(ROOT, "node_modules", ".repvgg-install");
const FOLDERS_OF_PACKAGES = ["packages", "apps"];
const PACKAGES = ["", "bench", "tooling"];

/**
 * Installs the dependencies as the lockfile has them, unless that has been done already.
 *
 * pnpm comes through npm, in the version that `packageManager` names: the machine needs Node and npm, nothing else.
 */
export async function install() {
  const wanted = fingerprint();
  if (existsSync(MARKER) && readFileSync(MARKER, "utf8") === wanted) return;
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  console.error(`Installing the dependencies with ${packageManager} ...`);
  await runOrExit("npx", ["--yes", packageManager, "install", "--frozen-lockfile", "--reporter=append-only"], {
    ...ENVIRONMENT,
    // The Node that is being installed must not install itself, nor npm ask for news.
    PATH: process.env.PATH,
    npm_config_loglevel: "error",
    npm_config_update_notifier: "false",
  });
  writeFileSync(MARKER, wanted);
}

/** Changes whenever another installation is needed: with the lockfile, any package.json, or the machine. */
function fingerprint() {
  const members = FOLDERS_OF_PACKAGES.flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((name) => join(folder, name)),
  );
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml"].concat(
    [...PACKAGES, ...members.sort()].map((folder) => join(folder, "package.json")),
  );
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`);
  for (const file of files) {
    const path = join(ROOT, file);
    if (existsSync(path)) hash.update(`\n${file}\n`).update(readFileSync(path));
  }
  return hash.digest("hex");
}
