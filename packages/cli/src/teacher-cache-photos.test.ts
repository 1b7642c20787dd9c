import { readFile, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, writeImageFolder } from "./test-cli.ts";
import { use } from "./test-teacher-cache.ts";

const { run, at } = commandInFolder();
beforeAll(() => writeImageFolder(at("photos"), { train: 16, val: 4 }));

const weights = (folder: string) => readFile(at(folder, "last.safetensors"));

describe("distill --cache-teacher", () => {
  it("works on photographs with workers, RandAugment, mixup and erasing", async () => {
    const photos = ["--data", "photos", "--model", "mnist-student", "--image-size", "32", "--batch-size", "4"];
    const random = ["--augment", "rand-augment", "--mixup", "0.2", "--random-erasing", "0.3", "--workers", "2"];
    const args = [...photos, ...random, "--threads", "1", "--epochs", "2", "--json"];
    const plain = ["--threads", "1", "--epochs", "1", "--workers", "0"];
    expect((await run("train", ...photos, ...plain, "--out", "photographer")).code).toBe(0);
    const taught = ["distill", ...args, "--teacher", "photographer", "--any-teacher", "--cache-teacher", "of-photos"];
    const outcomes = [];
    for (const out of ["photos-1", "photos-2"]) outcomes.push(await run(...taught, "--out", out));
    expect(outcomes.map(use)).toEqual([
      { kept: 0, asked: 64 },
      { kept: 64, asked: 0 },
    ]);
    expect(await weights("photos-2")).toEqual(await weights("photos-1"));
    const grass = await readFile(at("photos/train/grass/3.jpg"));
    await writeFile(at("photos/train/grass/3.jpg"), await readFile(at("photos/train/grass/4.jpg")));
    const changed = await run(...taught, "--out", "photos-3");
    await writeFile(at("photos/train/grass/3.jpg"), grass);
    expect([changed.code, changed.stderr]).toEqual([
      1,
      expect.stringMatching(/image \d+ in epoch 1 is of other pixels/),
    ]);
  }, 30_000);
});
