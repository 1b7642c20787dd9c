import { appendFile, open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ROW, taughtFolder, use } from "./test-teacher-cache.ts";

const command = taughtFolder();
const { run, at, under, student, weights, fileOf } = command;

describe("kept answers that cannot be used", () => {
  it.each<[string, string[], string]>([
    ["another seed", ["--seed", "1"], "--seed: 0 there, 1 here"],
    ["another augmentation", ["--augment", "none"], "--augment: shift there, none here; --seed: 0 there, none here"],
    ["other images", ["--limit", "64"], "training images: 128, SHA-256"],
    ["another format", ["--cache-top-k", "2"], "all logits there, the 2 largest logits here"],
  ])("are refused with what differs: of %s", async (_, args, message) => {
    const { code, stderr } = await student("--out", "stale", "--cache-teacher", "answers", ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining("are of another training: ")]);
    expect(stderr).toContain(message);
    expect(stderr).toContain("Give another --cache-teacher folder");
  });

  it.each([
    ["first/best.safetensors", "teacher 1: SHA-256 "],
    ["teacher,first", "number of teachers: 1 there, 2 here"],
  ])("are refused under %s", async (teacher, message) => {
    const { code, stderr } = await under(teacher, "--out", "stale", "--cache-teacher", "answers");
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it("are not made of the moving average", async () => {
    const { code, stderr } = await under("ema", "--ema", "0.9", "--out", "wrong", "--cache-teacher", "new");
    expect([code, stderr]).toEqual([2, expect.stringContaining("changes with every step")]);
  });

  it.each<[string, string[], number, string]>([
    ["features", ["--loss", "kd:0.9,features:5"], 2, "needs the outputs of the teacher's stages"],
    ["a folder with other things", ["--cache-teacher", "digits"], 2, "has other things in it"],
    ["a file", ["--cache-teacher", "digits/train-labels-idx1-ubyte"], 2, "is no folder"],
    ["as many as there are classes", ["--cache-teacher", "new", "--cache-top-k", "10"], 2, "must be from 1 to 9"],
    ["skipped images in blends", ["--mixup", "0.2", "--on-bad-image", "skip"], 2, "Take --on-bad-image fail"],
  ])("are not made of %s", async (_, args, expected, message) => {
    const { code, stderr } = await student("--out", "wrong", "--cache-teacher", "new", ...args);
    expect([code, stderr]).toEqual([expected, expect.stringContaining(message)]);
    expect(await readdir(command.cwd)).not.toContain("new");
  });

  it("say what --cache-top-k is about", async () => {
    const { code, stderr } = await student("--cache-top-k", "3", "--out", "wrong");
    expect([code, stderr]).toEqual([2, expect.stringContaining("give --cache-teacher, too")]);
  });

  it("are asked for again where they are damaged or cut off, and mended", async () => {
    const file = await open(fileOf(1), "r+");
    for (const row of [5, 77]) await file.write(Uint8Array.of(255, 255), 0, 2, row * ROW + 20);
    await file.close();
    await truncate(fileOf(2), 100 * ROW + 9);
    const damaged = await student("--out", "damaged", "--cache-teacher", "answers");
    expect([damaged.code, use(damaged)]).toEqual([0, { kept: 226, asked: 30 }]);
    expect(damaged.stderr).toContain("2 of 128 kept answers are damaged; the teacher is asked for them again");
    expect(await weights("damaged")).toEqual(await weights("first"));
    const mended = await student("--out", "mended", "--cache-teacher", "answers");
    expect(use(mended)).toEqual({ kept: 256, asked: 0 });
    expect(mended.stderr).not.toContain("damaged");
  });

  it("are refused where nothing says what they are of", async () => {
    await appendFile(at("answers/cache.json"), "}");
    const { code, stderr } = await student("--out", "unsaid", "--cache-teacher", "answers");
    expect([code, stderr]).toEqual([1, expect.stringContaining("cache.json is damaged")]);
    const text = await readFile(at("answers/cache.json"), "utf8");
    await writeFile(at("answers/cache.json"), text.slice(0, -1));
  });

  it("are not written by two trainings at once", async () => {
    await writeFile(at("answers/lock-elsewhere-1-1"), "");
    const read = await student("--out", "busy", "--cache-teacher", "answers");
    expect([read.code, use(read)]).toEqual([0, { kept: 256, asked: 0 }]);
    const { code, stderr } = await student("--out", "busy", "--cache-teacher", "answers", "--epochs", "3");
    await rm(at("answers/lock-elsewhere-1-1"));
    expect([code, stderr]).toEqual([1, expect.stringContaining("is writing to the teacher's answers in")]);
    expect(stderr).toContain("delete");
  });
});

describe("going on with other answers", () => {
  it("is free where they lie, and refused with and without", async () => {
    const args = ["--epochs", "1", "--limit", "32"];
    expect((await student("--out", "moved", "--cache-teacher", "old-place", ...args)).code).toBe(0);
    const resume = (...more: string[]) => run("distill", "--resume", "moved", ...more);
    expect((await resume("--cache-teacher", "new-place")).code).toBe(0);
    expect((await student("--out", "without", ...args)).code).toBe(0);
    const { code, stderr } = await run("distill", "--resume", "without", "--cache-teacher", "new-place");
    expect([code, stderr]).toEqual([2, expect.stringContaining("--cache-teacher none ->")]);
  });
});
