import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadTensors } from "@repvgg/checkpoint/node";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, writeImageFolder } from "./test-cli.ts";

interface Prediction {
  image: string;
  classes: { index: number; probability: number }[];
}

const command = commandInFolder();
const { run, at } = command;
beforeAll(async () => {
  await writeImages("photos", { train: 16, val: 4 });
});

const writeImages = (root: string, counts: Readonly<Record<string, number>>) => writeImageFolder(at(root), counts);
const TINY = ["--model", "mnist-student", "--image-size", "32", "--batch-size", "8", "--threads", "1", "--epochs", "1"];

describe("images on disk", () => {
  it("are trained on with any augmentation, to the same weights whatever the workers and the cache", async () => {
    const options = ["--augment", "rand-augment", "--mixup", "0.2", "--cutmix", "1", "--random-erasing", "0.3"];
    const train = async (out: string, ...more: string[]) => {
      const { code, stderr } = await run("train", "--data", "photos", ...TINY, ...options, "--out", out, ...more);
      expect([code, stderr]).toEqual([0, expect.stringContaining("photos: image folder")]);
      return readFile(at(out, "last.safetensors"));
    };
    const alone = await train("alone", "--workers", "0");
    expect(Buffer.compare(await train("two", "--workers", "2", "--cache", "ram"), alone)).toBe(0);
    expect(Buffer.compare(await train("other", "--workers", "1", "--seed", "1"), alone)).not.toBe(0);
  });

  it.each(["none", "shift", "crop-flip", "color-jitter", "trivial-augment"])("are augmented: %s", async (augment) => {
    const out = `out-${augment}`;
    const { code } = await run("train", "--data", "photos", ...TINY, "--augment", augment, "--out", out);
    expect(code).toBe(0);
  });

  it("are validated and predicted with the classes and the preprocessing of the checkpoint, and teach", async () => {
    const trained = await run("train", "--data", "photos", ...TINY, "--epochs", "3", "--out", "teacher");
    expect(trained.code).toBe(0);
    const { code, stdout } = await run("val", "teacher", "--data", "photos", "--json", "--workers", "1");
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { images: 8 }]);
    const predicted = await run("predict", "teacher", "photos/val/blue sky/0.jpg", "--json");
    const [{ classes }] = JSON.parse(predicted.stdout);
    expect(classes.map(({ name }: { name: string }) => name).sort()).toEqual(["blue sky", "grass"]);
    const all = await run("predict", "teacher", "photos/val", "--json");
    const named = JSON.parse(all.stdout).map(({ image }: { image: string }) => image);
    const files = ["blue sky", "grass"].flatMap((name) =>
      [0, 1, 2, 3].map((i) => join("photos/val", name, `${i}.jpg`)),
    );
    expect(named).toEqual(files);
    const logged = await run("predict", "teacher", "photos/val", "--logits", "logits.safetensors", "--json");
    expect(logged.stdout).toBe(all.stdout);
    const { tensors, metadata } = await loadTensors(at("logits.safetensors"));
    const { shape, data } = tensors.get("logits")!;
    expect([shape, JSON.parse(metadata.images!)]).toEqual([[8, 2], files]);
    JSON.parse(all.stdout).forEach(({ classes }: Prediction, row: number) => {
      const likeliest = data[2 * row + 1]! > data[2 * row]! ? 1 : 0;
      expect(classes[0]!.index).toBe(likeliest);
      const apart = Math.abs(data[2 * row]! - data[2 * row + 1]!);
      expect(classes[0]!.probability).toBeCloseTo(1 / (1 + Math.exp(-apart)), 12);
    });
    await mkdir(at("no images"), { recursive: true });
    expect(await run("predict", "teacher", "no images")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no images has no images in it"),
    });
    for (const augment of ["none", "crop-flip"]) {
      const args = ["--teacher", "teacher", "--data", "photos", "--augment", augment, "--out", `student-${augment}`];
      expect((await run("distill", ...TINY, ...args)).code).toBe(0);
    }
  });

  it("need two classes, and images in both parts", async () => {
    await writeImages("single", { train: 4, val: 2 });
    await rm(at("single/train/grass"), { recursive: true });
    await rm(at("single/val/grass"), { recursive: true });
    const single = await run("train", "--data", "single", ...TINY, "--batch-size", "2", "--out", "never");
    expect([single.code, single.stderr]).toEqual([1, expect.stringContaining("all of one class, blue sky")]);
    await writeImages("half", { train: 4 });
    await mkdir(at("half/val"));
    const half = await run("train", "--data", "half", ...TINY, "--batch-size", "2", "--out", "never");
    expect([half.code, half.stderr]).toEqual([1, expect.stringContaining("val/ has no images")]);
    const one = await run(
      "train",
      "--data",
      "photos",
      ...TINY,
      "--image-size",
      "16",
      "--batch-size",
      "1",
      "--out",
      "never",
    );
    expect([one.code, one.stderr]).toEqual([1, expect.stringContaining("Train with more images a batch")]);
    expect((await readdir(command.cwd)).filter((name) => name.includes("never"))).toEqual([]);
  });

  it("stop a training where one is bad, or are skipped and named", async () => {
    await writeImages("damaged", { train: 8, val: 2 });
    await writeFile(at("damaged/train/grass/7.jpg"), "<!DOCTYPE html><p>404"); // 16 images: two whole batches
    const args = ["train", "--data", "damaged", ...TINY, "--workers", "1"];
    const stopped = await run(...args, "--out", "stopped");
    expect([stopped.code, stopped.stderr]).toEqual([1, expect.stringMatching(/7\.jpg .* HTML page/)]);
    const { code, stderr } = await run(...args, "--out", "skipped", "--on-bad-image", "skip");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/Skipped: .*7\.jpg .* HTML page/)]);
  });

  it.each([
    ["--augment", "randaugment", "Did you mean rand-augment?"],
    ["--mixup", "-1", "--mixup must be a number in [0, 100]"],
    ["--random-erasing", "1.5", "--random-erasing must be a number in [0, 1]"],
    ["--workers", "-1", "--workers must be a whole number"],
    ["--cache", "gpu", "--cache must be one of none, ram, disk"],
  ])("refuse %s %s", async (flag, value, message) => {
    const { code, stderr } = await run("train", "--data", "photos", ...TINY, flag, value);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
