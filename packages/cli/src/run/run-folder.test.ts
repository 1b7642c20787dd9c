import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRunFolder } from "./run-folder.ts";

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "repvgg-run-folder-"));
});
afterAll(() => rm(base, { recursive: true, force: true }));

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(base, "place-"));
});
const config = (folder: string) => writeFile(join(folder, "config.json"), "{}");

describe("createRunFolder", () => {
  it("takes the next free number, and an empty folder", async () => {
    const wanted = join(place, "run");
    await mkdir(wanted);
    expect(await createRunFolder(wanted, config)).toBe(wanted);
    expect(await createRunFolder(wanted, config)).toBe(`${wanted}-2`);
    expect((await readdir(place)).sort()).toEqual(["run", "run-2"]);
    expect(await readdir(wanted)).toEqual(["config.json"]);
  });

  it("leaves nothing where it cannot be filled", async () => {
    const filling = createRunFolder(join(place, "run"), async (folder) => {
      await config(folder);
      throw new Error("the disk is full");
    });
    await expect(filling).rejects.toThrow("the disk is full");
    expect(await readdir(place)).toEqual([]);
  });

  // In a process of its own, of the built package.
  it.each([
    ["a signal ends it", "", { code: null, signal: "SIGINT" }],
    ["Ctrl-C ends it at once", "process.on('SIGINT', () => process.exit(130));", { code: 130, signal: null }],
  ])("leaves nothing where %s meanwhile", async (_, handler, expected) => {
    const module = new URL("../../dist/run/run-folder.js", import.meta.url).href;
    const script = `
      import { createRunFolder } from ${JSON.stringify(module)};
      ${handler}
      await createRunFolder(${JSON.stringify(join(place, "run"))}, async (folder) => {
        process.stdout.write(folder);
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
    await Promise.race([new Promise((resolve) => child.stdout.once("data", resolve)), ended]);
    const [unnamed = ""] = await readdir(place);
    expect(unnamed).toMatch(/^\.run-[0-9a-f]{12}$/);
    child.kill("SIGINT");
    expect(await ended).toEqual(expected);
    expect(await readdir(place)).toEqual([]);
  });
});
