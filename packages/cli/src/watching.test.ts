import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { decodeEventFolder } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { start } from "./test-cli.ts";
import { digitsFolder, TINY } from "./test-digits.ts";

const command = digitsFolder();
const { run, at } = command;
const text = (...path: string[]) => readFile(at(...path), "utf8");
const json = async (...path: string[]) => JSON.parse(await text(...path));

/** What is written of each step, by tag: step and value. */
async function scalars(folder: string): Promise<Record<string, (readonly [number, number])[]>> {
  const events = await decodeEventFolder(at(folder));
  const points = events.flatMap(({ step, values }) => values.map(({ tag, scalar }) => ({ tag, step, scalar })));
  const found: Record<string, (readonly [number, number])[]> = {};
  for (const { tag, step, scalar } of points) {
    if (scalar !== undefined) found[tag] = [...(found[tag] ?? []), [step, scalar]];
  }
  return found;
}

describe("event files of a run", () => {
  const EPOCHS = 12;
  const ARGS = [...TINY, "--epochs", `${EPOCHS}`, "--augment", "shift", "--ema", "0.9", "--clip-grad", "5"];

  it("have the steps, the epochs, the first images, and the weights", async () => {
    expect((await run("train", ...ARGS, "--out", "whole")).code).toBe(0);
    const found = await scalars("whole");
    const metrics = (await text("whole/metrics.jsonl"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const tag of ["loss", "learningRate", "imagesPerSecond", "gradientNorm"]) {
      expect(found[`step/${tag}`]!.map(([step]) => step)).toEqual(Array.from({ length: 4 * EPOCHS }, (_, i) => i + 1));
    }
    for (const split of ["train", "val", "ema"]) {
      for (const tag of ["loss", "top1", "top5"] as const) {
        const expected = metrics
          .filter((record) => record.split === split)
          .map((record) => [4 * record.epoch, Math.fround(record[tag])]);
        expect(found[`${tag}/${split}`]).toEqual(expected);
      }
    }
    const events = await decodeEventFolder(at("whole"));
    const images = events.filter(({ values }) => values.some(({ image }) => image));
    expect(images.map(({ step, values }) => [step, values.length])).toEqual([[0, 8]]);
    const histograms = events.filter(({ values }) => values.some(({ histogram }) => histogram));
    expect(histograms.map(({ step }) => step)).toEqual(Array.from({ length: EPOCHS }, (_, i) => 4 * (i + 1)));
    expect(histograms[0]!.values.map(({ tag }) => tag)).toContain("weights/stage1.0.rbr_dense.conv.weight");
  });

  it.each(["SIGKILL", "SIGINT"] as const)(
    "are the same after %s and --resume: no step is there twice, none is missing",
    async (signal) => {
      const folder = `after-${signal}`;
      const stopped = start(["train", ...ARGS, "--save-every", "3", "--out", folder], command);
      await stopped.seen("Epoch 3/");
      stopped.child.kill(signal);
      await stopped.outcome;
      expect((await run("train", "--resume", folder)).code).toBe(0);
      const { "step/imagesPerSecond": _, ...found } = await scalars(folder);
      const { "step/imagesPerSecond": __, ...expected } = await scalars("whole");
      expect(found).toEqual(expected);
    },
  );
});

describe("the report of a run", () => {
  it("tells what the best weights answer, image by image", async () => {
    const metrics = (await text("whole/metrics.jsonl"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const validation = await json("whole/validation.json");
    const record = metrics.find(({ epoch, split }) => epoch === validation.epoch && split === validation.split);
    expect(record.top1).toBe(Math.max(...metrics.filter(({ split }) => split !== "train").map(({ top1 }) => top1)));
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
    expect(sum(validation.support)).toBe(32);
    expect(sum(validation.right) / 32).toBe(record.top1);
    const wrong = sum(validation.confused.map(({ count }: { count: number }) => count));
    expect(wrong).toBe(32 - sum(validation.right));
    expect(sum(validation.calibration.bins.map(({ count }: { count: number }) => count))).toBe(32);
    expect(validation.mistakes).toHaveLength(Math.min(16, wrong));
  });

  it("needs nothing but itself, and tells how the run ended", async () => {
    const page = await text("whole/report.html");
    expect(page).not.toMatch(/<script|<link|@import|url\(|NaN|undefined|Infinity/);
    for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g))
      expect(address).toMatch(/^data:image\/png;base64,/);
    expect(page).toContain(">Finished.<");
    expect(page).not.toContain("http-equiv");
    expect(await json("whole/status.json")).toMatchObject({
      state: "finished",
      step: 48,
      totalSteps: 48,
      device: "wasm",
    });
    expect((await readdir(at("whole"))).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it("tells of a training that was stopped, and how to go on", async () => {
    const stopped = start(["train", ...TINY, "--epochs", "60", "--out", "stopped"], command);
    await stopped.seen("Epoch 2/");
    stopped.child.kill("SIGINT");
    expect((await stopped.outcome).code).toBe(130);
    expect(await json("stopped/status.json")).toMatchObject({ state: "stopped", totalSteps: 240 });
    expect(await text("stopped/report.html")).toContain("<code>repvgg train --resume stopped</code>");
  });

  it("tells why a training failed", async () => {
    const { code } = await run(
      "train",
      ...TINY,
      "--epochs",
      "5",
      "--lr",
      "1e30",
      "--on-nan",
      "stop",
      "--save-every",
      "1",
      "--out",
      "diverged",
    );
    expect(code).toBe(1);
    const { state, message } = await json("diverged/status.json");
    expect(state).toBe("failed");
    expect(message).toMatch(/at step \d+ of 20/);
    expect(await text("diverged/report.html")).toContain("Failed: step");
  });
});

describe("report", () => {
  it("writes the page of a run again", async () => {
    await rm(at("whole/report.html"));
    const { code, stdout } = await run("report", "whole", "--json");
    expect({ code, file: JSON.parse(stdout).file }).toEqual({ code: 0, file: join("whole", "report.html") });
    expect(await text("whole/report.html")).toContain(">Finished.<");
  });

  it("compares runs in one page: best first, what differs in their settings", async () => {
    await run("train", ...TINY, "--epochs", "1", "--lr", "0.001", "--limit", "32", "--out", "other");
    const { code, stdout } = await run("report", "other", "whole", "whole", "--out", "both.html");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "Comparison of 2 runs: both.html\n" });
    const page = await text("both.html");
    expect(page).not.toMatch(/<script|<link|NaN|undefined|Infinity/);
    const order = [...page.matchAll(/<th scope="row"><span[^>]*><\/span>([^<]*)/g)].map(([, name]) => name);
    expect(order).toEqual(["whole", "other"]);
    expect(page).toContain('<th scope="row">--lr</th><td>0.001</td><td>0.1</td>');
    expect(page).not.toContain('<th scope="row">--momentum</th>');
  });

  it.each([
    ["a folder that is no run", ["report", "digits"], "digits is no run folder"],
    ["no run", ["report"], "missing required argument 'run'"],
  ])("refuses %s: 2", async (_, args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("find-lr", () => {
  it("draws the loss over the learning rate, and keeps nothing but the page that was asked for", async () => {
    const before = await readdir(command.cwd);
    const { code, stdout } = await run("find-lr", ...TINY, "--steps", "40", "--html", "lr.html");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^loss over the learning rate, \d+ steps\n/);
    expect(stdout).toMatch(/Suggested: --lr [\d.e-]+, where the loss falls fastest|The loss never fell/);
    expect((await readdir(command.cwd)).sort()).toEqual([...before, "lr.html"].sort());
    expect(await text("lr.html")).not.toMatch(/<script|<link|NaN|undefined|Infinity/);
  });

  it("gives its points, from the first rate to the last one or to where the loss is no number", async () => {
    const { code, stdout } = await run(
      "find-lr",
      ...TINY,
      "--from",
      "0.001",
      "--to",
      "0.01",
      "--steps",
      "20",
      "--json",
    );
    expect(code).toBe(0);
    const { points } = JSON.parse(stdout);
    expect(points).toHaveLength(20);
    expect(points[0].learningRate).toBe(0.001);
    expect(points[19].learningRate).toBeCloseTo(0.01, 12);
  });

  it.each([
    ["rates that do not rise", ["--from", "1", "--to", "0.1"], "--from 1 must be less than --to 0.1"],
    ["a setting that it decides itself", ["--epochs", "3"], "unknown option '--epochs'"],
  ])("refuses %s: 2", async (_, args, message) => {
    const { code, stderr } = await run("find-lr", ...TINY, ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
