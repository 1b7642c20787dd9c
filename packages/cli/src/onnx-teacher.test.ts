import { readFile, writeFile } from "node:fs/promises";
import { serializeOnnx } from "@repvgg/checkpoint";
import { loadCheckpoint, saveCheckpoint } from "@repvgg/checkpoint/node";
import { ndArray } from "@repvgg/core";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, repvgg, writeIdxFolder } from "./test-cli.ts";
import { withoutMetadata } from "./test-without-metadata.ts";

const NORMALISATION = ["--teacher-mean", "0.1307", "--teacher-std", "0.3081"];
const TINY = ["--data", "digits", "--batch-size", "16", "--threads", "2"];

const command = commandInFolder();
const { run, at } = command;
beforeAll(async () => {
  await writeIdxFolder(at("digits"), { train: 128, test: 64 });
  const train = ["train", ...TINY, "--model", "mnist-teacher", "--epochs", "4", "--out", "teacher"];
  expect((await run(...train)).code).toBe(0);
  expect((await distill("--teacher", "teacher", "--out", "own")).code).toBe(0);
  const teacher = await loadCheckpoint(at("teacher", "best.safetensors"));
  await save("foreign.onnx", withoutMetadata(serializeOnnx(teacher)));
  await save("large.onnx", withoutMetadata(serializeOnnx(teacher, { imageSize: [32, 32] })));
  await save("noise.onnx", new TextEncoder().encode("no ONNX at all"));
  const [C, weight, bias] = [11, teacher.state.get("linear.weight")!, teacher.state.get("linear.bias")!];
  const state = new Map(teacher.state)
    .set("linear.weight", ndArray([weight.shape[0]!, C], new Float32Array(weight.shape[0]! * C)))
    .set(
      "linear.bias",
      ndArray(
        [C],
        Float32Array.from({ length: C }, (_, c) => bias.data[c] ?? 0),
      ),
    );
  const { classes: _, ...unnamed } = teacher;
  const eleven = serializeOnnx({ ...unnamed, spec: { ...teacher.spec, numClasses: C }, state });
  await save("eleven.onnx", withoutMetadata(eleven));
  await writeFile(at("turned.txt"), [...teacher.classes!].reverse().join("\n"));
  await writeFile(at("animals.txt"), Array.from({ length: 10 }, (_, i) => `animal ${i}`).join("\n"));
}, 60_000);

const save = (name: string, bytes: Uint8Array) => writeFile(at(name), bytes);
const distill = (...args: string[]) =>
  run("distill", ...TINY, "--model", "mnist-student", "--epochs", "1", "--limit", "64", ...args);
const kdLoss = async (run: string): Promise<number> =>
  JSON.parse((await readFile(at(run, "metrics.jsonl"), "utf8")).split("\n")[0]!).figures["loss/kd"];

describe("distill --teacher with an ONNX file of another program", () => {
  it("learns what it learns from the same network as a checkpoint, and says what it took for granted", async () => {
    const { code, stderr } = await distill("--teacher", "foreign.onnx", "--out", "foreign");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(/foreign\.onnx: an ONNX file of another program, 10 classes, run by onnxruntime/);
    expect(stderr).toContain("It does not say how its images are normalised");
    expect(stderr).toContain("It does not name its classes");
    // Logits within 1e-5 of each other, in a mean over the epoch.
    expect(await kdLoss("foreign")).toBeCloseTo(await kdLoss("own"), 4);
  }, 60_000);

  it("takes its normalisation from flags, with augmentation too, and beside other teachers", async () => {
    const same = await distill("--teacher", "foreign.onnx", ...NORMALISATION, "--out", "same");
    expect(same).toMatchObject({ code: 0, stderr: expect.stringContaining("normalised by mean 0.1307,0.1307,0.1307") });
    expect(await kdLoss("same")).toBeCloseTo(await kdLoss("own"), 4);
    const other = ["--teacher-mean", "0.5", "--teacher-std", "0.5,0.5,0.5"];
    expect(
      await distill("--teacher", "foreign.onnx", ...other, "--augment", "shift", "--any-teacher", "--out", "other"),
    ).toMatchObject({ code: 0 });
    expect(await distill("--teacher", "foreign.onnx,teacher", "--out", "both")).toMatchObject({ code: 0 });
  }, 60_000);

  it("sees images as a RepVGG does that was trained with another normalisation", async () => {
    const teacher = await loadCheckpoint(at("teacher", "best.safetensors"));
    const [mean, std] = [
      [0.5, 0.4, 0.3],
      [0.5, 0.25, 0.6],
    ];
    const preprocessing = { ...teacher.preprocessing, mean, std };
    await saveCheckpoint(at("brighter.safetensors"), { ...teacher, preprocessing });
    const flags = ["--teacher-mean", mean.join(), "--teacher-std", std.join()];
    const args = ["--augment", "shift", "--any-teacher"];
    const own = await distill("--teacher", "brighter.safetensors", ...args, "--out", "brighter");
    expect(own).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("normalised by mean 0.5,0.4,0.3 and std 0.5,0.25,0.6"),
    });
    expect(await distill("--teacher", "foreign.onnx", ...flags, ...args, "--out", "brighter-onnx")).toMatchObject({
      code: 0,
    });
    // Logits within 1e-5 of each other, in a mean over the epoch; with the student's normalisation they are others.
    expect(await kdLoss("brighter")).toBeCloseTo(await kdLoss("brighter-onnx"), 4);
    expect(await distill("--teacher", "teacher", ...args, "--out", "as-dark")).toMatchObject({ code: 0 });
    expect(Math.abs((await kdLoss("brighter")) - (await kdLoss("as-dark")))).toBeGreaterThan(0.01);
    const hints = ["--loss", "kd,features:5"];
    expect(await distill("--teacher", "brighter.safetensors", ...args, ...hints, "--out", "hints")).toMatchObject({
      code: 0,
    });
  }, 60_000);

  it("finds its outputs by the names that --teacher-classes gives", async () => {
    const turned = ["--teacher-classes", "turned.txt", "--any-teacher"];
    const { code, stderr } = await distill("--teacher", "foreign.onnx", ...turned, "--out", "turned");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).not.toContain("does not name its classes");
    expect(Math.abs((await kdLoss("turned")) - (await kdLoss("own")))).toBeGreaterThan(0.01);
  }, 60_000);

  it.each<[string, number, string[], string]>([
    ["what is no ONNX file", 1, ["noise.onnx"], "damaged or no ONNX file"],
    ["a missing file", 1, ["nowhere.onnx"], "nowhere.onnx cannot be read"],
    ["other numbers of classes", 1, ["eleven.onnx"], "has 11 classes, the data 10"],
    ["another image size", 1, ["large.onnx"], "takes images of 32x32 pixels, and these are 28x28"],
    ["classes of other names", 1, ["foreign.onnx", "--teacher-classes", "animals.txt"], "does not know 10 of the 10"],
    ["classes of another teacher", 2, ["eleven.onnx", "--teacher-classes", "animals.txt"], "has 10 classes, but"],
    ["features", 2, ["foreign.onnx", "--loss", "features"], "which this teacher does not show"],
    ["half a normalisation", 2, ["foreign.onnx", "--teacher-std", "0.3"], "go together: give both"],
    [
      "no number",
      2,
      ["foreign.onnx", "--teacher-mean", "0,x,0", "--teacher-std", "1"],
      'channels, as 0.485,0.456,0.406, got "0,x,0"',
    ],
    [
      "a standard deviation of 0",
      2,
      ["foreign.onnx", "--teacher-mean", "0", "--teacher-std", "0"],
      "--teacher-std must be",
    ],
    ["flags for a RepVGG", 2, ["teacher", ...NORMALISATION], "--teacher-mean and --teacher-std describe an ONNX file"],
  ])("refuses %s: %i", async (_, expected, args, message) => {
    const { code, stderr } = await distill("--teacher", ...args, "--out", "wrong");
    expect({ code, stderr }).toEqual({ code: expected, stderr: expect.stringContaining(message) });
  });

  it("says how to install onnxruntime-node where it is absent", async () => {
    const hook =
      'export async function resolve(name,context,next){if(name==="onnxruntime-node")' +
      'throw Object.assign(new Error("absent"),{code:"ERR_MODULE_NOT_FOUND"});return next(name,context)}';
    const register = `import{register}from"node:module";register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)})`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(register)}` };
    const args = ["distill", ...TINY, "--model", "mnist-student", "--teacher", "foreign.onnx", "--out", "absent"];
    const { code, stderr } = await repvgg(args, { cwd: command.cwd, env });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("npm install --ignore-scripts onnxruntime-node@1.30.0"),
    });
  });
});
