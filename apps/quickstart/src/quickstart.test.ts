import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { loadCheckpoint } from "@repvgg/checkpoint/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quickstart, type Surroundings } from "./quickstart.ts";
import type { QuickstartResult } from "./result.ts";

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "quickstart-"));
});
afterAll(() => rm(cwd, { recursive: true }));

interface Watcher {
  /** Whether standard error is a terminal. */
  readonly isTTY?: boolean;
  /** Sees all of standard error whenever something is written there. */
  onText(text: string, stop: () => void): void;
}

/** Runs the command as its process would, and gives what it wrote. */
async function run(line: string, { isTTY = false, onText }: Partial<Watcher> = {}) {
  const controller = new AbortController();
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        if (name === "stderr") onText?.(written.stderr, () => controller.abort());
        done();
      },
    });
  const surroundings: Surroundings = {
    env: {},
    cwd,
    stdout: stream("stdout"),
    stderr: Object.assign(stream("stderr"), { isTTY }),
    signal: controller.signal,
  };
  const code = await quickstart(line.split(" "), surroundings);
  return { code, ...written };
}

const json = async (...path: string[]) => JSON.parse(await readFile(join(cwd, ...path), "utf8"));

describe("quickstart", () => {
  const small = "--limit 1280 --epochs 1 --threads 1";

  it("goes the whole way on a few images: networks, proof, table, report", async () => {
    const { code, stdout, stderr } = await run(`${small} --out whole`);
    expect(stderr).toContain(`Starting anew in ${join("whole", "1")}`);
    expect(code).toBe(0);
    expect(stdout).toContain("errors of 1,280");
    expect(stdout).toContain(join("whole", "1", "report.html"));

    const result: QuickstartResult = await json("whole", "1", "result.json");
    expect(result.proof.agreement).toBe(1);
    expect(result.proof.maxRelativeError).toBeLessThan(1e-4); // float32 through seven layers, in two orders of summation
    expect(result.proof.deployErrors).toBe(result.seeds[0]!.distilled.errors);
    expect(result.costs.student).toMatchObject({ train: { params: 7586 }, deploy: { params: 6694 } });
    expect(result.confusion.flat().reduce((a, b) => a + b, 0)).toBe(1280);

    const folder = join(cwd, "whole", "1");
    for (const name of result.files) expect(await readdir(folder)).toContain(name);
    expect(await loadCheckpoint(join(folder, "student.safetensors"))).toMatchObject({ form: "train" });
    expect(await loadCheckpoint(join(folder, "student-deploy.safetensors"))).toMatchObject({ form: "deploy" });
    expect(await readFile(join(folder, "report.html"), "utf8")).toMatch(/^<!doctype html>/);
  });

  it("stops when asked, continues where it stopped, and ends as if it had never stopped", async () => {
    const stopped = await run(`${small} --out stopped`, {
      isTTY: true,
      onText: (text, stop) => {
        if (text.includes("loss")) stop(); // the bar of a training that has taken steps
      },
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain("continues from here");
    const stages = join(cwd, "stopped", "1", "stages");
    const unfinished = (await readdir(stages)).find((name) => name.endsWith(".unfinished.json"))!;
    expect((await json("stopped", "1", "stages", unfinished)).progress.batch).toBeGreaterThan(0);

    const continued = await run(`${small} --out stopped`);
    expect(continued.code).toBe(0);
    expect(continued.stderr).toContain(`Continuing ${join("stopped", "1")}`);
    expect((await readdir(stages)).filter((name) => name.includes("unfinished"))).toEqual([]);

    const figures = async (name: string) => {
      const { seeds, teacher, proof, confusion } = (await json(name, "1", "result.json")) as QuickstartResult;
      const timeless = ({ seconds, ...rest }: QuickstartResult["teacher"]) => rest;
      return { teacher: timeless(teacher), seeds: seeds.map(({ distilled }) => timeless(distilled)), proof, confusion };
    };
    expect(await figures("stopped")).toEqual(await figures("whole"));
    expect((await readdir(join(cwd, "stopped", "1", "stages"))).filter((name) => name.includes("unfinished"))).toEqual(
      [],
    );
  });

  it("starts anew after a finished run", async () => {
    const { stderr } = await run(`${small} --out whole`, {
      onText: (text, stop) => {
        if (text.includes("Starting")) stop();
      },
    });
    expect(stderr).toContain(`Starting anew in ${join("whole", "2")}; ${join("whole", "1")} is finished.`);
  });

  it("refuses a wrong command line with 2, and anything else with 1, in one line", async () => {
    expect(await run("--sedes 3")).toMatchObject({ code: 2, stderr: expect.stringContaining("Did you mean --seeds?") });
    const device = await run("--device gpu-of-the-future");
    expect(device.code).not.toBe(0);
    expect(device.stderr.trim().split("\n")).toHaveLength(1);
  });

  it("explains itself", async () => {
    expect(await run("--help")).toMatchObject({ code: 0, stdout: expect.stringContaining("--seeds N"), stderr: "" });
  });
});
