import { readFile, writeFile } from "node:fs/promises";
import { serializeOnnx } from "@repvgg/checkpoint";
import { loadCheckpoint } from "@repvgg/checkpoint/node";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, start, writeImageFolder } from "./test-cli.ts";
import { use } from "./test-teacher-cache.ts";
import { withoutMetadata } from "./test-without-metadata.ts";

const TINY = ["--data", "photos", "--model", "mnist-student", "--batch-size", "8", "--threads", "1"];
const GROWING = [...TINY, "--progressive", "16:40", "--workers", "0", "--save-every", "1", "--json"];
const CROPPED = ["--augment", "crop-flip"];

const command = commandInFolder();
const { run, at } = command;
beforeAll(async () => {
  await writeImageFolder(at("photos"), { train: 16, val: 4 });
  expect((await run("train", ...TINY, "--image-size", "32", "--epochs", "3", "--out", "teacher")).code).toBe(0);
  const teacher = await loadCheckpoint(at("teacher", "best.safetensors"));
  await writeFile(at("open.onnx"), withoutMetadata(serializeOnnx(teacher)));
  await writeFile(at("fixed.onnx"), withoutMetadata(serializeOnnx(teacher, { imageSize: [40, 40] })));
}, 60_000);

const weights = (folder: string, name = "last") => readFile(at(folder, `${name}.safetensors`));

describe("images that grow", () => {
  it.each<[string, string, string[]]>([
    ["train", "labels", [...CROPPED, "--optimizer", "adamw", "--ema", "0.9", "--workers", "1"]],
    ["distill", "hints", [...CROPPED, "--teacher", "teacher", "--loss", "kd,features:0.1", "--lr", "0.01"]],
    ["distill", "average", [...CROPPED, "--teacher", "ema", "--ema", "0.9"]],
    ["distill", "ensemble", ["--teacher", "teacher,open.onnx"]],
  ])(
    "are of another size in each quarter of a %s, which goes on with their size after a kill: %s",
    async (name, out, args) => {
      const options = [name, ...GROWING, "--epochs", "4", ...args];
      const whole = await run(...options, "--out", out);
      expect(whole).toMatchObject({ code: 0 });
      expect([...whole.stderr.matchAll(/^Epoch (\d): images of (\S+)$/gm)].map(([, ...found]) => found)).toEqual([
        ["2", "24x24"],
        ["3", "32x32"],
        ["4", "40x40"],
      ]);
      const killed = start([...options, "--out", `${out}-killed`], { cwd: command.cwd });
      await killed.seen("Epoch 2/4");
      killed.child.kill("SIGKILL");
      await killed.outcome;
      expect(await run(name, "--resume", `${out}-killed`)).toMatchObject({ code: 0 });
      expect(await weights(`${out}-killed`)).toEqual(await weights(out));
    },
    60_000,
  );

  it("are validated at the last size", async () => {
    const json = JSON.parse((await run("val", "labels", "--data", "photos", "--json")).stdout);
    const lines = (await readFile(at("labels/metrics.jsonl"), "utf8")).trim().split("\n");
    const judged = lines.map((line) => JSON.parse(line)).filter(({ split }) => split !== "train");
    expect(Math.max(...judged.map(({ top1 }) => top1))).toBe(json.top1);
  });

  it("have a teacher's answers kept for each epoch, though nothing augments them", async () => {
    const student = (out: string, ...args: string[]) =>
      run("distill", ...GROWING, "--teacher", "teacher", "--cache-teacher", "answers", "--out", out, ...args);
    const outcomes = [await student("first", "--epochs", "2"), await student("second", "--epochs", "2")];
    expect(outcomes.map(use)).toEqual([
      { kept: 0, asked: 64 },
      { kept: 64, asked: 0 },
    ]);
    expect(await weights("second")).toEqual(await weights("first"));
    const { code, stderr } = await student("longer", "--epochs", "3");
    expect([code, stderr]).toEqual([2, expect.stringContaining("--epochs: 2 there, 3 here")]);
  }, 30_000);

  it("need a teacher that takes each of their sizes", async () => {
    const args = ["--epochs", "2", "--teacher", "fixed.onnx", "--out", "never"];
    const { code, stderr } = await run("distill", ...GROWING, ...args);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("fixed.onnx takes images of 40x40 pixels, and these are 16x16"),
    ]);
  });

  it.each([
    ["shrink", ["--progressive", "64:32"], "must be two sizes that grow, as 160:224"],
    ["are no sizes", ["--progressive", "a:b"], "must be two sizes that grow, as 160:224"],
    ["end elsewhere", ["--image-size", "32"], "--progressive ends at 40, and --image-size is 32"],
  ])("are refused where they %s", async (_, args, message) => {
    const { code, stderr } = await run("train", ...GROWING, ...args, "--out", "never");
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
