import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineSpec, initialState, zeros } from "@repvgg/core";
import type { TrainerProgress } from "@repvgg/distill";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sampleResult } from "./report/test-result.ts";
import { openRunFolder } from "./run-folder.ts";

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), "quickstart-"));
});
afterEach(() => rm(out, { recursive: true }));

const spec = defineSpec({ numBlocks: [1, 1, 1, 1], widthMultiplier: [0.0625, 0.0625, 0.0625, 0.0625], numClasses: 10 });
const open = (key = "settings", fresh = false) => openRunFolder(out, { key, fresh });

describe("openRunFolder", () => {
  it("counts up after finished runs, and says so", async () => {
    const { folder, decision } = await open();
    expect(folder.path).toBe(join(out, "1"));
    expect(decision).toBe(`Starting anew in ${join(out, "1")}.`);
    await folder.finish();
    const second = await open();
    expect(second.folder.path).toBe(join(out, "2"));
    expect(second.decision).toContain(`${join(out, "1")} is finished`);
  });

  it("continues a run that was stopped", async () => {
    await open();
    const { folder, decision } = await open();
    expect(folder.path).toBe(join(out, "1"));
    expect(decision).toContain("Continuing");
  });

  it("starts anew when asked, or when the settings are others, and leaves the stopped run alone", async () => {
    await open();
    const fresh = await open("settings", true);
    expect(fresh.folder.path).toBe(join(out, "2"));
    expect(fresh.decision).toContain("as asked");
    const other = await open("others");
    expect(other.folder.path).toBe(join(out, "3"));
    expect(other.decision).toContain("other settings");
    expect((await readdir(out)).sort()).toEqual(["1", "2", "3"]);
  });

  it("says which folder cannot be made", async () => {
    const file = join(out, "file");
    await writeFile(file, "");
    await expect(openRunFolder(file, { key: "", fresh: false })).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining(`${join(file, "1")} cannot be made`),
    });
  });
});

describe("RunFolder", () => {
  const trained = { record: sampleResult().teacher, state: initialState(spec, 3) };
  const progress = (batch: number): TrainerProgress => ({
    ...{ version: 1, epoch: 0, batch, epochs: 2, batchesPerEpoch: 9, history: [] },
    running: { images: 1, loss: 2, top1: 3, top5: 4, seconds: 5, lr: 6 },
  });
  const unfinished = (batch: number) => ({
    trainer: {
      progress: progress(batch),
      network: initialState(spec, batch),
      optimizer: new Map([["linear.weight", zeros([32, 10])]]),
    },
    curve: { points: [], window: { steps: 1, loss: 2, wrong: 3 }, wrongInEpoch: 4 },
  });

  it("gives back a finished training, bit for bit", async () => {
    const { folder } = await open();
    expect(await folder.finishedTraining("teacher")).toBeUndefined();
    await folder.finishTraining("teacher", spec, trained.record, trained.state);
    const found = (await (await open()).folder.finishedTraining("teacher"))!;
    expect(found.record).toEqual(trained.record);
    expect(found.state).toEqual(trained.state);
  });

  it("gives back the last state of an unfinished training, and keeps no other", async () => {
    const { folder } = await open();
    expect(await folder.unfinishedTraining("teacher")).toBeUndefined();
    await folder.saveUnfinished("teacher", unfinished(4));
    await folder.saveUnfinished("teacher", unfinished(5));
    expect(await folder.unfinishedTraining("teacher")).toEqual(unfinished(5));
    expect(await readdir(join(folder.path, "stages"))).toHaveLength(2);
    await folder.finishTraining("teacher", spec, trained.record, trained.state);
    expect((await readdir(join(folder.path, "stages"))).sort()).toEqual(["teacher.json", "teacher.safetensors"]);
  });

  it("says what to do about a damaged file", async () => {
    const { folder } = await open();
    await writeFile(join(folder.path, "stages", "teacher.json"), "{");
    await expect(folder.finishedTraining("teacher")).rejects.toMatchObject({
      code: "E_STATE",
      message: expect.stringContaining("--fresh"),
    });
  });
});
