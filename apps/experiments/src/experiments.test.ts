import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { experiments } from "./experiments.ts";

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "experiments-"));
});
afterAll(() => rm(cwd, { recursive: true }));

/** @param stopAt Ctrl-C when standard error has it. */
async function run(line: string, stopAt?: string) {
  const controller = new AbortController();
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        if (stopAt && written.stderr.includes(stopAt)) controller.abort();
        done();
      },
    });
  const surroundings = { cwd, stdout: stream("stdout"), stderr: stream("stderr"), signal: controller.signal };
  return { code: await experiments(line.split(" ").filter(Boolean), surroundings), ...written };
}

describe("experiments", () => {
  const small = "hinton --limit 512 --epochs 1 --seeds 5 --threads 1 --out small";

  it("stops, goes on after what is finished, and gives the same; writes table, JSON and page", async () => {
    const stopped = await run(small, "teacher: done");
    expect(stopped.code).toBe(130);
    expect(await readdir(join(cwd, "small", "trainings"))).toHaveLength(1);

    const { stdout, stderr } = await run(small);
    expect(stderr).not.toContain("teacher: done"); // it was kept
    expect(stdout).toMatch(/small network, labels alone +146 +\d+ +\d+\n/);
    const result = await readFile(join(cwd, "small", "hinton.json"), "utf8");
    expect(await readFile(join(cwd, "small", "hinton.html"), "utf8")).toContain("small network, labels alone");

    const fresh = await run(`${small.replace("--out small", "--out fresh")} --json`);
    expect(JSON.parse(fresh.stdout).experiments).toEqual(JSON.parse(result).experiments);
  });

  it.each([
    ["", "Name one experiment: hinton, digit-3, temperature, all"],
    ["digit3", 'There is no experiment "digit3". Did you mean digit-3?'],
    ["hinton --seeds 1,x", "--seeds must be different whole numbers"],
    ["hinton --limit 10", "--limit must be a whole number from 256 to 60000"],
    ["hinton --device tpu", "--device must be one of auto, "],
    ["hinton --seed 1", "'--seed'"],
  ])("refuses `%s`: 2", async (line, message) => {
    expect(await run(line)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
  });
});
