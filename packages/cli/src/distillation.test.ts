import { readFile } from "node:fs/promises";
import { loadCheckpoint, saveCheckpoint } from "@repvgg/checkpoint/node";
import { defineSpec, initialState, ndArray } from "@repvgg/core";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, writeIdxFolder } from "./test-cli.ts";

const command = commandInFolder();
const { run, at } = command;
beforeAll(async () => {
  await writeIdxFolder(at("digits"), { train: 128, test: 64 });
  const { code } = await run("train", ...TINY, "--model", "mnist-teacher", "--epochs", "4", "--out", "teacher");
  expect(code).toBe(0);
}, 60_000);

const TINY = ["--data", "digits", "--batch-size", "16", "--threads", "2"];
const student = (...args: string[]) => run("distill", ...TINY, "--model", "mnist-student", ...args);
const distill = (...args: string[]) => student("--teacher", "teacher", ...args);
const metrics = async (folder: string) =>
  (await readFile(at(folder, "metrics.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("distill --loss", () => {
  it("tells of each term how much it weighs, in metrics.jsonl", async () => {
    const { code } = await distill(
      "--epochs",
      "2",
      "--loss",
      "kd:0.9,features:5",
      "--feature-stages",
      "2,3",
      "--out",
      "hints",
    );
    expect(code).toBe(0);
    const [first, , second] = await metrics("hints");
    expect(Object.keys(first.figures).sort()).toEqual([
      "gradientNorm/features",
      "gradientNorm/kd",
      "gradientNorm/labels",
      "gradientShare/kd",
      "gradientShare/labels",
      "loss/features",
      "loss/kd",
      "loss/labels",
    ]);
    expect(first.figures["gradientShare/kd"] + first.figures["gradientShare/labels"]).toBeCloseTo(1, 10);
    const { figures } = first;
    expect(first.loss).toBeCloseTo(
      0.1 * figures["loss/labels"] + 0.9 * figures["loss/kd"] + 5 * figures["loss/features"],
      4,
    );
    expect(second.figures["loss/features"]).toBeLessThan(figures["loss/features"]);
  });

  it.each(["dkd", "dist", "attention:100", "hard"])("trains with %s", async (loss) => {
    const { code, stdout } = await distill(
      "--epochs",
      "1",
      "--loss",
      loss,
      "--out",
      `of-${loss.split(":")[0]}`,
      "--json",
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ epochs: 1 });
  });

  it.each<[string[], string]>([
    [["--loss", "dk"], 'there is no loss "dk". Did you mean dkd?'],
    [["--loss", "kd:2"], "leave -1 to the labels"],
    [["--temperature", "0"], "--temperature must be a number above 0"],
    [["--alpha", "1.5"], "--alpha must be a number in [0, 1]"],
    [["--feature-stages", "9", "--loss", "features"], "must be some of 1,2,3,4"],
    [["--loss", "dkd", "--cutmix", "1"], '"dkd" needs one label an image'],
  ])("refuses %j: 2", async (args, message) => {
    const { code, stderr } = await distill(...args, "--out", "wrong");
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  });
});

/** The teacher with other names for its outputs, which stand in the opposite order. */
async function turnedTeacher(file: string, nameOf = (name: string) => name): Promise<void> {
  const { spec, form, state, classes, preprocessing } = await loadCheckpoint(at("teacher", "best.safetensors"));
  const [weight, bias] = [state.get("linear.weight")!, state.get("linear.bias")!];
  const [inputs, C] = weight.shape as [number, number];
  const turned = weight.data.map((_, at) => weight.data[Math.floor(at / C) * C + (C - 1 - (at % C))]!);
  state
    .set("linear.weight", ndArray([inputs, C], turned))
    .set("linear.bias", ndArray([C], bias.data.slice().reverse()));
  await saveCheckpoint(at(file), {
    ...{ spec, form, state, preprocessing },
    classes: classes!.map(nameOf).reverse(),
  });
}

describe("distill --teacher", () => {
  const short = ["--epochs", "1", "--limit", "64"];

  it("tells how good the teacher is, and finds its outputs by the names of the classes", async () => {
    await turnedTeacher("turned.safetensors");
    const straight = await student(...short, "--teacher", "teacher", "--out", "straight");
    expect(straight.stderr).toMatch(/Teacher .*best\.safetensors: Acc@1 \d+\.\d{3} on 64 validation images/);
    const turned = await student(...short, "--teacher", "turned.safetensors", "--out", "turned");
    expect([straight.code, turned.code]).toEqual([0, 0]);
    expect((await metrics("turned"))[0].figures).toEqual((await metrics("straight"))[0].figures);
  });

  it("takes several, by commas or again, and averages their answers", async () => {
    await turnedTeacher("turned.safetensors");
    const outcomes = [
      await student(...short, "--teacher", "teacher,turned.safetensors", "--out", "commas", "--json"),
      await student(...short, "--teacher", "teacher", "--teacher", "turned.safetensors", "--out", "again", "--json"),
    ];
    for (const { code, stdout } of outcomes) {
      expect(code).toBe(0);
      expect(JSON.parse(stdout).teacher).toMatch(/best\.safetensors, .*turned\.safetensors$/);
    }
    const [commas, again] = [await metrics("commas"), await metrics("again")];
    expect(again[0].figures).toEqual(commas[0].figures);
    // Twins are of one mind: the ensemble teaches what each of them does.
    const [alone] = await metrics("straight");
    expect(commas[0].figures["loss/kd"]).toBeCloseTo(alone.figures["loss/kd"], 4);
  });

  it("ema: learns from the average of its own weights", async () => {
    const { code, stdout } = await student(...short, "--teacher", "ema", "--ema", "0.9", "--out", "mean", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).teacher).toBe("the average of its own weights");
    expect((await metrics("mean"))[0].figures["loss/kd"]).toBeGreaterThan(0);
  });

  it("refuses a teacher that is no better than chance, unless it is told to take any", async () => {
    const { spec, preprocessing } = await loadCheckpoint(at("teacher", "best.safetensors"));
    await saveCheckpoint(at("untrained.safetensors"), {
      ...{ spec: defineSpec(spec), form: "train", state: initialState(spec, 9), preprocessing },
    });
    const args = [...short, "--teacher", "untrained.safetensors", "--out", "chance"];
    const refused = await student(...args);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/is no better than chance: Acc@1 [\s\S]*--any-teacher/),
    });
    expect(await student(...args, "--any-teacher")).toMatchObject({ code: 0 });
  });

  it.each<[string, number, string[], string]>([
    ["a missing file", 1, ["--teacher", "nowhere.safetensors"], "nowhere.safetensors cannot be read"],
    ["one of several that is missing", 1, ["--teacher", "teacher,nowhere.pth"], "nowhere.pth cannot be read"],
    ["a folder that is no run", 1, ["--teacher", "digits"], "has no best.safetensors"],
    ["an average that is not kept", 2, ["--teacher", "ema"], "give --ema 0.999, too"],
    [
      "an average beside another teacher",
      2,
      ["--teacher", "teacher,ema", "--ema", "0.9"],
      "which teaches alone. Several",
    ],
    [
      "features of an average",
      2,
      ["--teacher", "ema", "--ema", "0.9", "--loss", "features"],
      '"features" compares features, which --teacher ema does not show',
    ],
    [
      "features of an ensemble",
      2,
      ["--teacher", "teacher,teacher", "--loss", "features"],
      "which this teacher does not show",
    ],
    ["other classes", 1, ["--teacher", "strange.safetensors"], "does not know 10 of the 10 classes of the data: "],
  ])("refuses %s: %i", async (_, expected, args, message) => {
    await turnedTeacher("strange.safetensors", (name) => `no ${name}`);
    const { code, stderr } = await student(...short, ...args, "--out", "wrong");
    expect({ code, stderr }).toEqual({ code: expected, stderr: expect.stringContaining(message) });
  });
});
