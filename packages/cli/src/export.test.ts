import { copyFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { parseOnnx } from "@repvgg/checkpoint";
import { loadCheckpoint, loadTensors, saveCheckpoint, saveTensors } from "@repvgg/checkpoint/node";
import { defineSpec, fuseState, initialState, ndArray, type StateDict, seededRandom } from "@repvgg/core";
import { MNIST_PREPROCESSING } from "@repvgg/data";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder } from "./test-cli.ts";

const WIDTHS = [1 / 16, 1 / 16, 1 / 16, 1 / 16] as const;
const SPEC = defineSpec({ numBlocks: [1, 2, 1, 1], widthMultiplier: WIDTHS, strides: [1, 2, 2, 2, 2], numClasses: 3 });
const CHECKPOINT = { spec: SPEC, classes: ["cat", "dog", "owl"], preprocessing: MNIST_PREPROCESSING };
const STATE = trainedState();
const CPU = ["--device", "cpu"];

const command = commandInFolder();
const { run, at } = command;
beforeAll(async () => {
  await saveCheckpoint(at("train.safetensors"), { ...CHECKPOINT, form: "train", state: STATE });
  await saveCheckpoint(at("deploy.safetensors"), { ...CHECKPOINT, form: "deploy", state: fuseState(SPEC, STATE) });
});

/** As if it had been trained: batch normalizations whose scales and statistics are not 1 and 0. */
function trainedState(): StateDict {
  const random = seededRandom(1);
  const state = initialState(SPEC, 1);
  for (const [name, { data }] of state) {
    if (/running_var$|(bn|rbr_identity)\.weight$/.test(name)) data.set(data.map(() => 0.5 + random()));
    if (/running_mean$|(bn|rbr_identity)\.bias$/.test(name)) data.set(data.map(() => random() - 0.5));
  }
  return state;
}

describe("export", () => {
  it.each([
    ["onnx", "deploy", ["train.safetensors", "student.onnx"]],
    ["onnx", "train", ["train.safetensors", "branches.onnx", "--form", "train"]],
    ["onnx", "deploy", ["deploy.safetensors", "named.bin", "--format", "onnx"]],
    ["safetensors", "train", ["train.safetensors", "copy.safetensors"]],
    ["pth", "train", ["train.safetensors", "copy.pth"]],
    ["pth", "train", ["train.safetensors", "timm.pth", "--names", "timm"]],
    ["pth", "deploy", ["train.safetensors", "fused.pt", "--form", "deploy"]],
    ["safetensors", "deploy", ["train.safetensors", "fused.safetensors", "--form", "deploy"]],
  ])("writes %s in %s form, proven: %j", async (format, form, args) => {
    const { code, stdout, stderr } = await run("export", ...args, ...CPU, "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout);
    const { size } = await stat(at(args[1]!));
    expect(result).toMatchObject({
      format,
      form,
      file: args[1],
      sizeBytes: size,
      maxAbsoluteError: expect.any(Number),
      maxRelativeError: expect.any(Number),
      agreement: 1,
      tolerance: 1e-4,
      images: 4,
      equal: true,
      float64: { agreement: 1 },
    });
    // Fusion rounds; a change of the format alone changes nothing.
    const fuses = args[0] === "train.safetensors" && form === "deploy";
    if (fuses) expect(result.maxRelativeError).toBeLessThan(1e-5);
    expect(result.maxRelativeError > 0).toBe(fuses);
    const bytes = await readFile(at(args[1]!));
    const read = format === "onnx" ? parseOnnx(bytes) : await loadCheckpoint(at(args[1]!));
    expect(read).toMatchObject({ ...CHECKPOINT, form });
    expect(read.state.get("linear.weight")).toEqual(STATE.get("linear.weight"));
  });

  it("writes a folder for TensorFlow.js, which the other commands read", async () => {
    const { code, stdout } = await run("export", "train.safetensors", "web", "--format", "tfjs", ...CPU, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ format: "tfjs", form: "deploy", file: "web", equal: true });
    expect((await readdir(at("web"))).sort()).toEqual(["group1-shard1of1.bin", "model.json"]);
    expect(await run("verify", "web", "deploy.safetensors", ...CPU)).toMatchObject({ code: 0 });
    const again = await run("export", "web", "from-web.pth", ...CPU, "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ format: "pth", form: "deploy", maxAbsoluteError: 0 });
    expect(await run("export", "train.safetensors", "web", "--format", "tfjs", ...CPU)).toMatchObject({ code: 0 });
  });

  it("says what it has written, and takes a run folder", async () => {
    await mkdir(at("run"));
    await copyFile(at("train.safetensors"), at("run/best.safetensors"));
    const { code, stdout } = await run("export", "run", "again.onnx");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /best\.safetensors -> again\.onnx: onnx, deploy form, [\d,]+ bytes; read back and proven equal/,
    );
  });

  it("writes ONNX files that predict and verify read", async () => {
    await run("export", "train.safetensors", "read.onnx", ...CPU);
    const input = ndArray([2, 3, 9, 8], Float32Array.from({ length: 2 * 3 * 9 * 8 }, seededRandom(3)));
    await saveTensors(at("in.safetensors"), new Map([["input", input]]));
    const logits = async (checkpoint: string) => {
      const args = ["--tensor", "in.safetensors", "--logits", "out.safetensors", ...CPU];
      expect(await run("predict", checkpoint, ...args)).toMatchObject({ code: 0 });
      return (await loadTensors(at("out.safetensors"))).tensors.get("logits")!.data;
    };
    expect(await logits("read.onnx")).toEqual(await logits("deploy.safetensors"));
    expect(await run("verify", "read.onnx", "train.safetensors", ...CPU)).toMatchObject({ code: 0 });
  });

  it.each([
    [
      "an unknown extension",
      2,
      ["train.safetensors", "no.h5"],
      "Name it .onnx, .safetensors, .pth, .pt, or give --format",
    ],
    ["itself as the output", 2, ["train.safetensors", "train.safetensors"], "is the checkpoint itself"],
    [
      "a tolerance that is not met",
      1,
      ["train.safetensors", "no.onnx", "--tolerance", "0", ...CPU],
      "no.onnx was not written",
    ],
    [
      "the train form of a fused network",
      1,
      ["deploy.safetensors", "no.onnx", "--form", "train"],
      "its branches cannot be had back",
    ],
    ["timm's names in ONNX", 2, ["train.safetensors", "no.onnx", "--names", "timm"], "is for pth and safetensors"],
    ["a missing file", 1, ["nowhere.onnx", "no.safetensors"], "nowhere.onnx cannot be read: there is no such file"],
    ["a foreign ONNX file", 1, ["foreign.onnx", "no.safetensors"], "only ONNX files that repvgg wrote are read"],
    ["a missing folder", 1, ["train.safetensors", "nowhere/no.onnx"], "the folder nowhere does not exist"],
  ])("refuses %s (%i), and leaves no file", async (_, expected, args, message) => {
    await writeFile(at("foreign.onnx"), Uint8Array.of(8, 8));
    const before = await readdir(command.cwd);
    const { code, stdout, stderr } = await run("export", ...args);
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toContain(message);
    expect(await readdir(command.cwd)).toEqual(before);
  });
});
