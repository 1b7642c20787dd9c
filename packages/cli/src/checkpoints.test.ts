import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { loadCheckpoint, loadTensors, saveCheckpoint, saveTensors } from "@repvgg/checkpoint/node";
import { defineSpec, initialState, ndArray, type StateDict, seededRandom } from "@repvgg/core";
import { MNIST_PREPROCESSING } from "@repvgg/data";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, writeIdxFolder } from "./test-cli.ts";

const DIGIT = fileURLToPath(new URL("fixtures/digit.png", import.meta.url));
const WIDTHS = [1 / 16, 1 / 16, 1 / 16, 1 / 16] as const;
const SPEC = defineSpec({ numBlocks: [1, 2, 1, 1], widthMultiplier: WIDTHS, numClasses: 10 });
const CLASSES = Array.from({ length: 10 }, (_, i) => String(i));

const command = commandInFolder();
const { run, at: file } = command;
beforeAll(async () => {
  await save("train.safetensors", trainedState(1));
  await save("other.safetensors", trainedState(2));
  await writeIdxFolder(file("digits"));
});

// Most on the default device; "cpu" where a slow one is to be seen as well.
const CPU = ["--device", "cpu"];

function save(name: string, state: StateDict): Promise<void> {
  return saveCheckpoint(file(name), {
    spec: SPEC,
    form: "train",
    state,
    classes: CLASSES,
    preprocessing: MNIST_PREPROCESSING,
  });
}

/** As if it had been trained: batch normalizations whose scales and statistics are not 1 and 0. */
function trainedState(seed: number): StateDict {
  const random = seededRandom(seed);
  const state = initialState(SPEC, seed);
  const fill = (data: Float32Array, value: () => number) => data.set(data.map(value));
  for (const [name, { data }] of state) {
    if (/running_var$|(bn|rbr_identity)\.weight$/.test(name)) fill(data, () => 0.5 + random());
    if (/running_mean$|(bn|rbr_identity)\.bias$/.test(name)) fill(data, () => random() - 0.5);
  }
  return state;
}

describe("fuse", () => {
  it("writes the deploy form and its proof", async () => {
    const { code, stdout } = await run(
      "fuse",
      "train.safetensors",
      "deploy.safetensors",
      ...CPU,
      "--random-images",
      "8",
      "--images",
      DIGIT,
      "--json",
    );
    expect(code).toBe(0);
    const proof = JSON.parse(stdout);
    const errors = { maxAbsoluteError: expect.any(Number), maxRelativeError: expect.any(Number), agreement: 1 };
    expect(proof).toEqual({
      ...errors,
      equal: true,
      tolerance: 1e-4,
      images: 9,
      device: "cpu",
      float64: { ...errors, images: 3, imageSize: [28, 26] },
      worstBlock: {
        name: expect.stringMatching(/^stage\d/),
        maxRelativeError: expect.any(Number),
        weight: expect.stringMatching(/^rbr_reparam\.(weight|bias)\[\d/),
        values: [expect.any(Number), expect.any(Number)],
      },
      weightTolerance: 1e-6,
      givenImages: [{ image: DIGIT, ...errors }],
      trainingModeError: expect.any(Number),
      problems: [],
      paramsBefore: expect.any(Number),
      paramsAfter: expect.any(Number),
    });
    // Each fused weight is rounded once; in float64 that is all that differs.
    expect(proof.worstBlock.maxRelativeError).toBeLessThanOrEqual(2 ** -24);
    expect(proof.float64.maxRelativeError).toBeLessThan(1e-6);
    // The two forms round differently: a few float32 steps, not zero.
    expect(proof.maxRelativeError).toBeGreaterThan(0);
    expect(proof.maxRelativeError).toBeLessThan(1e-5);
    expect(proof.paramsAfter).toBeLessThan(proof.paramsBefore);
    expect(await loadCheckpoint(file("deploy.safetensors"))).toMatchObject({
      spec: SPEC,
      form: "deploy",
      classes: CLASSES,
      preprocessing: MNIST_PREPROCESSING,
    });
  });

  it.each(["fused.pth", "fused.onnx"])("writes %s, as its extension says", async (out) => {
    expect((await run("fuse", "train.safetensors", out, "--random-images", "2", ...CPU)).code).toBe(0);
    const { code, stdout } = await run("verify", "train.safetensors", out, "--random-images", "2", ...CPU, "--json");
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, equal: true });
    const head = await readFile(file(out));
    expect(head.subarray(0, 2)).toEqual(out.endsWith("pth") ? Buffer.from("PK") : Buffer.of(0x08, 0x08));
  });

  it.each([
    [
      "a tolerance that is not met",
      1,
      ["train.safetensors", "no.safetensors", "--tolerance", "0"],
      "no.safetensors was not written",
    ],
    ["a deploy form", 1, ["deploy.safetensors", "no.safetensors"], "there is nothing to fuse"],
    [
      "a missing file",
      1,
      ["nowhere.safetensors", "no.safetensors"],
      "nowhere.safetensors cannot be read: there is no such file",
    ],
    ["a folder without checkpoints", 1, ["digits", "no.safetensors"], "The folder digits has no best.safetensors"],
    [
      "a missing folder for the output",
      1,
      ["train.safetensors", "nowhere/no.safetensors"],
      "the folder nowhere does not exist",
    ],
    ["itself as the output", 2, ["train.safetensors", "train.safetensors"], "is the checkpoint itself"],
  ])("refuses %s (%i), and leaves no file", async (_, expected, args, message) => {
    const before = await readdir(command.cwd);
    const { code, stdout, stderr } = await run("fuse", ...args, "--random-images", "2", "--json");
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toContain(message);
    expect(await readdir(command.cwd)).toEqual(before);
  });

  it.each([
    ["a truncated file", (bytes: Buffer) => bytes.subarray(0, bytes.length - 7)],
    [
      "a header longer than the file",
      (bytes: Buffer) => Buffer.concat([Buffer.from([255, 255, 255, 0, 0, 0, 0, 0]), bytes.subarray(8)]),
    ],
    ["a foreign file", () => Buffer.from("PK\u0003\u0004 this is a zip archive, as .pth files are")],
    ["an empty file", () => Buffer.alloc(0)],
    [
      "weights that are not finite",
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -4), Buffer.from([0, 0, 192, 127])]),
    ],
  ])("refuses %s, naming it", async (_, damage) => {
    await writeFile(file("damaged.safetensors"), damage(await readFile(file("train.safetensors"))));
    const { code, stderr } = await run("fuse", "damaged.safetensors", "no.safetensors");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: damaged\.safetensors [^\n]+\n$/);
    expect(await readdir(command.cwd)).not.toContain("no.safetensors");
  });
});

describe("verify", () => {
  it("ends with 0 when both give the same answers", async () => {
    const { code, stdout } = await run(
      "verify",
      "train.safetensors",
      "deploy.safetensors",
      ...CPU,
      "--random-images",
      "4",
      "--json",
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ equal: true, agreement: 1 });
  });

  it("ends with 1 when they do not", async () => {
    const { code, stdout } = await run(
      "verify",
      "train.safetensors",
      "other.safetensors",
      ...CPU,
      "--random-images",
      "4",
      "--json",
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ equal: false });
    const words = await run("verify", "train.safetensors", "other.safetensors", "--random-images", "4");
    expect(words.stdout).toContain("do not give the same answers");
  });

  it.each(["train.safetensors", "deploy.safetensors"])(
    "names the block of one weight of %s that is a hundredth off",
    async (of) => {
      const { form, state } = await loadCheckpoint(file(of));
      const entry = `stage2.1.${form === "train" ? "rbr_dense.conv" : "rbr_reparam"}.weight`;
      const { shape, data } = state.get(entry)!;
      const changed = data.map((value, i) => (i === 100 ? value * 1.01 : value));
      await saveCheckpoint(file("changed.safetensors"), {
        spec: SPEC,
        form,
        state: state.set(entry, ndArray(shape, changed)),
      });
      const args = ["verify", "train.safetensors", "changed.safetensors", ...CPU, "--random-images", "2"];
      const { code, stdout } = await run(...args, "--json");
      expect(code).toBe(1);
      const proof = JSON.parse(stdout);
      expect(proof).toMatchObject({ equal: false, agreement: 1, worstBlock: { name: "stage2.1" } });
      expect(proof.maxRelativeError).toBeLessThan(1e-4); // too little to show in the answers
      expect(await run(...args, "--weight-tolerance", "1")).toMatchObject({ code: 0 }); // by the answers alone
      expect((await run(...args)).stdout).toMatch(
        /do not give the same answers: the weights differ most in stage2\.1: rbr_/,
      );
    },
  );

  it("warns of variances near zero and of statistics that were never updated", async () => {
    const state = trainedState(3);
    state.get("stage1.0.rbr_1x1.bn.running_var")!.data[2] = 1e-9;
    await save("small.safetensors", state);
    await save("fresh.safetensors", initialState(SPEC, 3));
    const small = await run("fuse", "small.safetensors", "out.safetensors", ...CPU, "--random-images", "1");
    expect(small.stdout).toMatch(/stage1\.0\.rbr_1x1\.bn: the variance of 1 of 4 channels is near zero \(1\.00e-9\)/);
    const fresh = await run("fuse", "fresh.safetensors", "out.safetensors", ...CPU, "--random-images", "1");
    expect(fresh.stdout).toMatch(/the running statistics of stage0\.rbr_dense\.bn and \d+ more are the initial ones/);
  });

  it("takes images for both, and refuses what is none", async () => {
    const given = await run(
      "verify",
      "train.safetensors",
      "deploy.safetensors",
      "--images",
      DIGIT,
      DIGIT,
      "--random-images",
      "1",
    );
    expect(given).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/digit\.png [\s\S]*digit\.png .*same class/),
    });
    const wrong = await run("verify", "train.safetensors", "deploy.safetensors", "--images", "nowhere.png");
    expect(wrong).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("nowhere.png cannot be read") });
  });
});

describe("predict", () => {
  it("names the most probable classes of an image", async () => {
    const { code, stdout } = await run("predict", "deploy.safetensors", DIGIT, "--top-k", "3", "--json");
    expect(code).toBe(0);
    const [{ image, classes }, ...others] = JSON.parse(stdout);
    expect(others).toEqual([]);
    expect(image).toBe(DIGIT);
    expect(classes).toHaveLength(3);
    for (const { index, name, probability } of classes) {
      expect(name).toBe(CLASSES[index]);
      expect(probability).toBeGreaterThan(0);
    }
    expect(classes[0].probability).toBeGreaterThanOrEqual(classes[1].probability);
  });

  it("takes a run folder, and gives train form and deploy form the same classes", async () => {
    await mkdir(file("run"));
    await copyFile(file("train.safetensors"), file("run/best.safetensors"));
    const [a, b] = await Promise.all(["run", "deploy.safetensors"].map((name) => run("predict", name, DIGIT)));
    expect(a!.code).toBe(0);
    expect(a!.stdout).toBe(b!.stdout);
  });

  it("resizes the image with --image-size", async () => {
    const of = async (size: string) => (await run("predict", "deploy.safetensors", DIGIT, "--image-size", size)).stdout;
    const [own, doubled] = [await of("28"), await of("56")];
    expect(own).toBe((await run("predict", "deploy.safetensors", DIGIT)).stdout);
    expect(doubled).toMatch(/^[^\n]+\n( +\d+\.\d\d % {2}\w+\n){5}$/);
    expect(doubled).not.toBe(own);
  });

  it("writes the logits of a tensor in PyTorch's layout", async () => {
    const random = seededRandom(3);
    const pixels = Float32Array.from({ length: 2 * 3 * 9 * 8 }, random);
    await saveTensors(file("in.safetensors"), new Map([["input", ndArray([2, 3, 9, 8], pixels)]]));
    const args = ["--tensor", "in.safetensors", "--logits", "out.safetensors"];
    const { code, stdout } = await run("predict", "train.safetensors", ...args, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ shape: [2, 10] });
    const both = (await loadTensors(file("out.safetensors"))).tensors.get("logits")!;
    expect(both.shape).toEqual([2, 10]);

    // The second image alone: rows must not be mixed up.
    await saveTensors(file("in.safetensors"), new Map([["input", ndArray([1, 3, 9, 8], pixels.slice(3 * 9 * 8))]]));
    await run("predict", "train.safetensors", ...args);
    const second = (await loadTensors(file("out.safetensors"))).tensors.get("logits")!;
    expect([...second.data]).toEqual([...both.data.slice(10)]);
  });

  it.each([
    ["no image", 2, ["train.safetensors"], "No image is given"],
    ["a missing image", 1, ["train.safetensors", "nowhere.png"], "nowhere.png cannot be read"],
    ["a file that is no image", 1, ["train.safetensors", "train.safetensors"], "cannot be decoded as an image"],
    [
      "a tensor without a place for the logits",
      2,
      ["train.safetensors", "--tensor", "in.safetensors"],
      "belong together",
    ],
    [
      "a file without the tensor",
      1,
      ["train.safetensors", "--tensor", "train.safetensors", "--logits", "o"],
      'has no tensor "input"',
    ],
  ])("refuses %s: %i", async (_, expected, args, message) => {
    const { code, stdout, stderr } = await run("predict", ...args);
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("val", () => {
  it("prints the lines of the PyTorch ImageNet example", async () => {
    const args = ["--data", "digits", "--batch-size", "8", "--print-every", "3"];
    const { code, stdout } = await run("val", "train.safetensors", ...args);
    expect(code).toBe(0);
    const line = (n: number) =>
      `Test: \\[${n}/4\\]\\tTime +\\d+\\.\\d{3} \\( *\\d+\\.\\d{3}\\)\\tLoss \\d\\.\\d{4}e[+-]\\d\\d \\(\\d\\.\\d{4}e[+-]\\d\\d\\)` +
      "\\tAcc@1 [ \\d]+\\.\\d\\d \\([ \\d]+\\.\\d\\d\\)\\tAcc@5 [ \\d]+\\.\\d\\d \\([ \\d]+\\.\\d\\d\\)\\n";
    expect(stdout).toMatch(new RegExp(`^${line(3)}${line(4)} \\* Acc@1 \\d+\\.\\d{3} Acc@5 \\d+\\.\\d{3}\\n$`));
  });

  it("--json gives fractions, and nothing else on stdout", async () => {
    const { code, stdout, stderr } = await run("val", "deploy.safetensors", "--data", "digits", "--json");
    expect(code).toBe(0);
    const { images, loss, top1, top5, imagesPerSecond } = JSON.parse(stdout);
    expect(images).toBe(32);
    expect(loss).toBeGreaterThan(0);
    expect(imagesPerSecond).toBeGreaterThan(0);
    expect(top1).toBeLessThanOrEqual(top5);
    expect(top5).toBeLessThanOrEqual(1);
    expect(stderr).toContain("Test: [1/1]");
  });

  it("refuses a network with other classes than the data", async () => {
    const spec = defineSpec({ numBlocks: [1, 1, 1, 1], widthMultiplier: WIDTHS, numClasses: 7 });
    await saveCheckpoint(file("seven.safetensors"), { spec, form: "train", state: initialState(spec, 0) });
    const { code, stdout, stderr } = await run("val", "seven.safetensors", "--data", "digits");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("The network has 7 outputs and digits 10 classes");
  });
});

describe("bench and doctor", () => {
  it.each([
    ["a checkpoint", ["train.safetensors"], { form: "deploy", train: false }],
    ["a training step", ["mnist-student", "--train"], { form: "train", train: true }],
  ])("bench measures %s", async (_, args, expected) => {
    const { code, stdout } = await run(
      "bench",
      ...args,
      ...CPU,
      "--batch",
      "2",
      "--runs",
      "3",
      "--warmup",
      "1",
      "--json",
    );
    expect(code).toBe(0);
    const { device, threads, batch, latencyMs, imagesPerSecond, ...rest } = JSON.parse(stdout);
    expect({ device, threads, batch }).toEqual({ device: "cpu", threads: 1, batch: 2 });
    expect(rest).toMatchObject(expected);
    expect(latencyMs.p10).toBeLessThanOrEqual(latencyMs.median);
    expect(latencyMs.median).toBeLessThanOrEqual(latencyMs.p90);
    expect(imagesPerSecond).toBeCloseTo(2000 / latencyMs.median, 6);
  });

  it("doctor gives every device with its reason", async () => {
    const { code, stdout } = await run("doctor", "--json");
    expect(code).toBe(0);
    const { node, engine, devices } = JSON.parse(stdout);
    expect(node).toBe(process.versions.node);
    expect(engine.reason).not.toBe("");
    expect(engine).toMatchObject({ refused: [], wrongOptimized: [] });
    const names = ["cuda", "native", "webgpu", "wasm", "tfjs-wasm", "cpu"];
    expect(devices.map(({ name }: { name: string }) => name)).toEqual(names);
    for (const { available, reason } of devices) {
      expect(typeof available).toBe("boolean");
      expect(reason).not.toBe("");
    }
  });
});
