import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { idx, writeIdxFolder } from "./test-cli.ts";
import { digitsFolder, TINY } from "./test-digits.ts";

const { run, at } = digitsFolder();

describe("bad data", () => {
  it.each([
    ["a batch larger than the set", 2, ["--limit", "8"], "--batch-size 16 is larger than the training set of 8 images"],
    [
      "other classes than the labels",
      2,
      ["--num-classes", "5"],
      "--num-classes 5 does not fit the labels, which are of 10",
    ],
    ["another image size than the data set's", 2, ["--image-size", "32"], "the images are 28x28"],
    ["a limit above the set", 2, ["--limit", "65"], "A limit of 65 images is more than the 64 train images"],
    ["a warm-up as long as the training", 2, ["--warmup-epochs", "4"], "--warmup-epochs 4 leaves nothing of 4 epochs"],
    ["stages that cannot be frozen", 2, ["--freeze", "stage2"], "stage2 cannot be frozen while stem learns"],
    ["a least rate above the largest", 2, ["--min-lr", "0.2"], "minFactor must be in [0, 1], got 2"],
    ["a learning rate that is none", 2, ["--lr", "NaN"], "--lr must be a number above 0, or with its batch"],
    ["a negative learning rate", 2, ["--lr", "-0.1"], 'as 0.1@256, got "-0.1"'],
    ["a learning rate for no batch", 2, ["--lr", "0.1@0"], 'as 0.1@256, got "0.1@0"'],
    ["no epochs", 2, ["--epochs", "0"], "--epochs must be a whole number in [1, 100000]"],
    ["growing images in memory", 2, ["--progressive", "16:28"], "--progressive is for images on disk"],
    ["no milestones", 2, ["--schedule", "multi-step"], "--milestones is missing"],
    [
      "falling milestones",
      2,
      ["--schedule", "multi-step", "--milestones", "3,1"],
      "must be positive numbers that rise",
    ],
    ["late milestones", 2, ["--schedule", "multi-step", "--milestones", "1,4"], "has 4, which never comes"],
    ["the warm-up of no average", 2, ["--ema-warmup"], "give --ema 0.999"],
    ["a missing folder", 1, ["--data", "nowhere"], "nowhere cannot be read: there is nothing of this name"],
    ["a folder without the files", 1, ["--data", "out"], "out is no data set that is known"],
    ["changes to no run", 2, ["--force"], "--force accepts changes to a run that --resume continues"],
    ["a run folder below a file", 2, ["--out", "digits/t10k-labels-idx1-ubyte/run"], "No run folder can be made at"],
  ])("%s: %i", async (_, expected, args, message) => {
    await mkdir(at("out"), { recursive: true });
    const { code, stdout, stderr } = await run("train", ...TINY, ...args, "--json");
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toContain(message);
  });

  it.each([
    ["truncated images", "train-images-idx3-ubyte", (bytes: Buffer) => bytes.subarray(0, 5000)],
    ["a foreign file", "train-images-idx3-ubyte", () => Buffer.from("%PDF-1.7 and so on, not a digit in it")],
    [
      "a label that is no class",
      "train-labels-idx1-ubyte",
      (bytes: Buffer) => Buffer.from([...bytes.subarray(0, -1), 11]),
    ],
    ["labels of other images", "train-labels-idx1-ubyte", () => idx([3], Uint8Array.of(1, 2, 3))],
  ])("%s: 1, naming the file", async (name, file, damage) => {
    const folder = at(name.replaceAll(" ", "-"));
    await mkdir(folder);
    await writeIdxFolder(folder);
    await writeFile(join(folder, file), damage(await readFile(join(folder, file))));
    const { code, stderr } = await run("train", ...TINY, "--data", folder, "--out", "out/never");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(await readdir(at("out"))).not.toContain("never");
  });
});
