import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { toFileLayout } from "@repvgg/checkpoint";
import { loadTensors, saveCheckpoint, saveTensors } from "@repvgg/checkpoint/node";
import { defineSpec, findVariant, fuseState, initialState, ndArray } from "@repvgg/core";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, writeIdxFolder } from "./test-cli.ts";

const WIDTHS = [1 / 16, 1 / 16, 1 / 16, 1 / 16] as const;
const SPEC = defineSpec({ numBlocks: [1, 2, 1, 1], widthMultiplier: WIDTHS, numClasses: 10 });
const CPU = ["--device", "cpu"];

const { run, at: file } = commandInFolder();
beforeAll(async () => {
  await writeIdxFolder(file("digits"));
});

describe("PyTorch's files, without a flag", () => {
  const torch = (name: string) => fileURLToPath(new URL(`../../checkpoint/src/fixtures/${name}`, import.meta.url));
  const SMALL = ["--image-size", "9", "--random-images", "4", ...CPU];

  it.each([
    ["timm-se.pth", "timm-se-deploy.pth"],
    ["plus.pth", "plus-leftover.pth"],
  ])("verify compares the train form of %s with the deploy form that PyTorch made", async (train, deploy) => {
    const { code, stdout } = await run("verify", torch(train), torch(deploy), ...SMALL, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ equal: true, agreement: 1 });
  });

  it("predict gives PyTorch's logits", async () => {
    const answers = async (name: string) => JSON.parse(await readFile(torch(name), "utf8")).logits;
    const logits = { ...(await answers("timm.json")), plus: await answers("plus.json") };
    const pixels = Float32Array.from({ length: 3 * 9 * 7 }, (_, i) => Math.sin(i));
    await saveTensors(file("sin.safetensors"), new Map([["input", ndArray([1, 3, 9, 7], pixels)]]));
    const args = ["--tensor", "sin.safetensors", "--logits", "their-logits.safetensors"];
    for (const [name, expected] of Object.entries<number[]>(logits)) {
      expect((await run("predict", torch(`${name}.pth`), ...args, ...CPU)).code).toBe(0);
      const ours = (await loadTensors(file("their-logits.safetensors"))).tensors.get("logits")!.data;
      const largest = Math.max(...expected.map(Math.abs));
      // float32 here and float64 there: 1e-5 of the largest logit is what conversions must keep.
      expected.forEach((logit, c) => {
        expect(Math.abs(ours[c]! - logit)).toBeLessThan(1e-5 * largest);
      });
    }
  });

  it("fuse, summary and val take them", async () => {
    const fused = await run("fuse", torch("wrapped.pth"), "from-torch.safetensors", ...SMALL, "--json");
    expect(fused.code).toBe(0);
    expect(JSON.parse(fused.stdout)).toMatchObject({ agreement: 1 });
    const summary = await run("summary", torch("legacy.pth"), "--json");
    expect(JSON.parse(summary.stdout)).toMatchObject({ form: "train", imageSize: [224, 224] });
    const { code, stderr } = await run("val", torch("timm-se.pth"), "--data", "digits", ...CPU);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("The network has 3 outputs and digits 10 classes"),
    });
  });

  it("verify takes the strides from the file that states them", async () => {
    const spec = defineSpec({ ...SPEC, strides: [1, 2, 2, 2, 1] });
    const state = initialState(spec, 3);
    await saveCheckpoint(file("strided.safetensors"), { spec, form: "train", state });
    const tensors = new Map([...state].map(([name, array]) => [name, toFileLayout(array)]));
    await saveTensors(file("unstated.safetensors"), tensors);
    for (const pair of [
      ["strided.safetensors", "unstated.safetensors"],
      ["unstated.safetensors", "strided.safetensors"],
    ]) {
      const { code, stdout } = await run("verify", ...pair, ...SMALL, "--json");
      expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, equal: true, maxAbsoluteError: 0 });
    }
  });

  it("summary says what of a file no network uses", async () => {
    const plus = { numBlocks: [1, 1, 2, 1], widthMultiplier: WIDTHS, squeezeExcitation: "after-relu" } as const;
    const spec = defineSpec({ ...plus, auxiliaryHeads: true, numClasses: 3 });
    const train = initialState(spec, 4);
    const left = [...train].filter(([name]) => name.includes("_aux."));
    const both = [...fuseState(spec, train), ...left].map(([name, array]) => [name, toFileLayout(array)] as const);
    await saveTensors(file("plus.safetensors"), new Map(both));
    const { code, stdout } = await run("summary", "plus.safetensors");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining("Ignored: 24 entries of auxiliary classifiers"),
    });
  });

  it("summary names the variant whose architecture a file has", async () => {
    const { spec } = findVariant("mnist-student");
    await saveCheckpoint(file("nameless.safetensors"), { spec, form: "train", state: initialState(spec, 1) });
    expect(JSON.parse((await run("summary", "nameless.safetensors", "--json")).stdout)).toMatchObject({
      name: "nameless.safetensors",
      variant: "mnist-student",
    });
    expect((await run("summary", "nameless.safetensors")).stdout).toMatch(
      /^nameless\.safetensors \(mnist-student\), train/,
    );
    expect((await run("summary", "a0")).stdout).toMatch(/^repvgg-a0, train form/);
  });

  it("says in one line what it will not take", async () => {
    const { code, stderr } = await run("summary", torch("within.pth"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: \S+within\.pth has "d" among its weights[^\n]+system[^\n]+\n$/);
    expect((await run("summary", "nowhere.pth")).stderr).toContain("nowhere.pth cannot be read: there is no such file");
  });
});
