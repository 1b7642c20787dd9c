import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "@repvgg/checkpoint/node";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder } from "./test-cli.ts";

/** What a network was trained on, in torchvision's order. */
const COLOURS = {
  n01440764: [220, 60, 60],
  n01443537: [60, 200, 70],
  n02012849: [60, 90, 220],
  n03126707: [220, 200, 60],
} as const;
type Wnid = keyof typeof COLOURS;
const WNIDS = Object.keys(COLOURS) as Wnid[];
/** What it is judged on. */
const SUBSET: readonly Wnid[] = ["n01443537", "n03126707"];

const { run, at } = commandInFolder();
beforeAll(async () => {
  await writeImages("all", WNIDS);
  await writeImages("subset", SUBSET);
  await writeFile(at("all/LOC_synset_mapping.txt"), WNIDS.map((wnid) => `${wnid} name of ${wnid}\n`).join(""));
  const options = ["--model", "mnist-student", "--image-size", "32", "--batch-size", "8", "--threads", "1"];
  const { code } = await run("train", "--data", "all", ...options, "--epochs", "2", "--out", "run");
  expect(code).toBe(0);
  // As a file of the original PyTorch implementation, which names no classes.
  const { classes: _, classIds: __, ...nameless } = await loadCheckpoint(at("run/last.safetensors"));
  await saveCheckpoint(at("nameless.safetensors"), nameless);
});

async function writeImages(root: string, wnids: readonly Wnid[]): Promise<void> {
  for (const split of ["train", "val"]) {
    for (const wnid of wnids) {
      const folder = at(root, split, wnid);
      await mkdir(folder, { recursive: true });
      for (let i = 0; i < 6; i++) {
        const [r, g, b] = COLOURS[wnid].map((level) => level - 6 * i) as [number, number, number];
        const image = sharp({ create: { width: 32, height: 32, channels: 3, background: { r, g, b } } });
        await image.jpeg().toFile(join(folder, `${i}.jpg`));
      }
    }
  }
}

/** Accuracy among the classes of the subset, from all the probabilities that `predict` gives. */
async function expectedTop1(): Promise<number> {
  const images = SUBSET.flatMap((wnid) => Array.from({ length: 6 }, (_, i) => `subset/val/${wnid}/${i}.jpg`));
  const { stdout } = await run("predict", "nameless.safetensors", ...images, "--json");
  const predictions: { image: string; classes: { index: number; probability: number }[] }[] = JSON.parse(stdout);
  const right = predictions.filter(({ image, classes }) => {
    const best = classes.find(({ index }) => SUBSET.includes(WNIDS[index]!))!;
    return image.includes(WNIDS[best.index]!);
  });
  return right.length / images.length;
}

describe("val on some of the classes that a network knows", () => {
  it("refuses to compare outputs with labels of other classes, and says what it needs", async () => {
    const { code, stderr } = await run("val", "nameless.safetensors", "--data", "subset");
    expect(code).toBe(2);
    expect(stderr).toContain("The network has 4 outputs and subset 2 classes");
    expect(stderr).toContain("--class-index FILE");
    expect(stderr).toContain("LOC_synset_mapping.txt");
  });

  it("selects their outputs by any class index, and by the classes that a checkpoint names", async () => {
    await writeFile(at("synsets.txt"), WNIDS.map((wnid) => `${wnid} a name\n`).join(""));
    const keras = Object.fromEntries(WNIDS.map((wnid, i) => [i, [wnid, "a name"]]).reverse());
    await writeFile(at("imagenet_class_index.json"), JSON.stringify(keras));
    const top1 = await expectedTop1();
    for (const index of ["synsets.txt", "imagenet_class_index.json", "all"]) {
      const { code, stdout, stderr } = await run(
        ...["val", "nameless.safetensors", "--data", "subset", "--class-index", index, "--json"],
      );
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { images: 12, top1, top5: 1 }]);
      expect(stderr).toContain(`Judged on 2 of the network's 4 outputs, by the classes of ${index}.`);
    }
    const named = await run("val", "run", "--data", "subset", "--json");
    expect([named.code, JSON.parse(named.stdout)]).toMatchObject([0, { images: 12, top1 }]);
  });

  it("goes by the ids that lie in the checkpoint beside the names, through fusion and export", async () => {
    expect(await loadCheckpoint(at("run/best.safetensors"))).toMatchObject({
      classes: WNIDS.map((wnid) => `name of ${wnid}`),
      classIds: WNIDS,
    });
    expect((await run("fuse", "run", "fused.safetensors")).code).toBe(0);
    for (const file of ["fused.pth", "fused.onnx", "fused.tfjs"]) {
      const format = file.split(".").at(-1)!;
      expect((await run("export", "run", file, "--form", "deploy", "--format", format)).code).toBe(0);
    }
    for (const file of ["fused.safetensors", "fused.pth", "fused.onnx", "fused.tfjs"]) {
      const { stdout } = await run("predict", file, "all/val/n01440764/0.jpg", "--json");
      const [{ classes }] = JSON.parse(stdout);
      expect(classes).toHaveLength(4);
      for (const { index, id, name } of classes) expect([id, name]).toEqual([WNIDS[index], `name of ${id}`]);
    }
  });

  it("follows an index in another order, and leaves equal classes alone", async () => {
    const same = await run("val", "nameless.safetensors", "--data", "all", "--class-index", "all", "--json");
    expect(same.stderr).not.toContain("Judged on");
    const plain = await run("val", "nameless.safetensors", "--data", "all", "--json");
    expect(JSON.parse(same.stdout).loss).toBe(JSON.parse(plain.stdout).loss);
    await writeFile(at("reversed.txt"), [...WNIDS].reverse().join("\n"));
    const reversed = await run(
      "val",
      "nameless.safetensors",
      "--data",
      "all",
      "--class-index",
      "reversed.txt",
      "--json",
    );
    expect(JSON.parse(reversed.stdout).loss).not.toBeCloseTo(JSON.parse(plain.stdout).loss, 6);
  });

  it.each([
    ["an index of another network", ["subset", "--class-index", "subset"], 2, "has 2 classes, but the network has 4"],
    [
      "an index without the classes",
      ["subset", "--class-index", "others.txt"],
      1,
      "2 of the 2 classes of subset are none",
    ],
    ["a missing index", ["subset", "--class-index", "none.json"], 1, "none.json cannot be read"],
  ])("refuses %s", async (_, [data, ...args], code, message) => {
    await writeFile(at("others.txt"), "a\nb\nc\nd\n");
    const outcome = await run("val", "nameless.safetensors", "--data", data!, ...args);
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });
});
