import { mkdir, readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { commandInFolder } from "./test-cli.ts";

const { run, at } = commandInFolder();

const config = async () => JSON.parse(await readFile(at("run", "config.json"), "utf8"));
const SMALL = ["--data", "mnist", "--model", "mnist-student", "--limit", "40", "--val-limit", "8"];

describe("--batch-size auto", () => {
  it("takes real steps, records what it chose with the learning rate for it, and keeps that when resumed", async () => {
    const args = [...SMALL, "--epochs", "1", "--batch-size", "auto", "--lr", "0.1@256", "--out", "run"];
    const { code, stderr } = await run("train", ...args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(/^--batch-size auto: 8 at \d+ images\/s\n/);
    expect(stderr).toContain("--batch-size auto: 8 is chosen: 16 would leave fewer than 4 batches an epoch");
    expect(await config()).toMatchObject({ batchSize: 8, lr: 0.003125 }); // 0.1 * 8 / 256
    const resumed = await run("train", "--resume", "run", "--batch-size", "auto", "--epochs", "2", "--force");
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).not.toContain("--batch-size");
    expect(await config()).toMatchObject({ batchSize: 8, epochs: 2 });
  });

  it("says what is wrong with the training rather than with its memory", async () => {
    const args = ["--data", "nowhere", "--model", "mnist-student", "--batch-size", "auto"];
    const { code, stderr } = await run("train", ...args);
    expect(code).not.toBe(0);
    expect(stderr).toContain("nowhere");
  });

  it("fails before any work where not even one image fits into the engine's 4 GiB", async () => {
    for (const part of ["train/a", "train/b", "val/a", "val/b"]) {
      await mkdir(at("images", part), { recursive: true });
      const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
        .png()
        .toBuffer();
      for (let i = 0; i < 4; i++) await writeFile(at("images", part, `${i}.png`), image);
    }
    const args = ["--data", "images", "--model", "repvgg-a0", "--image-size", "4096", "--device", "wasm"];
    const { code, stderr } = await run("train", ...args, "--batch-size", "auto", "--out", "large");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: Not even a batch of 1 fits into the memory: use smaller images or a smaller network.\n",
    });
  });

  it.each([
    ["a sweep", ["sweep", ...SMALL, "--grid", "lr=0.1,0.2", "--batch-size", "auto"], "Give --batch-size a number."],
    ["another word", ["train", ...SMALL, "--batch-size", "all"], "must be a whole number in [1, 65536], or auto"],
  ])("is refused in %s", async (_, args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
