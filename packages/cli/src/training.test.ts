import { readdir, writeFile } from "node:fs/promises";
import { loadCheckpoint, saveCheckpoint } from "@repvgg/checkpoint/node";
import { defineSpec, findVariant, initialState } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { start } from "./test-cli.ts";
import { digitsFolder, TINY } from "./test-digits.ts";

const command = digitsFolder();
const { run, at, read } = command;
const metricsOf = async (folder: string) =>
  (await read(folder, "metrics.jsonl"))
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("train", () => {
  it("writes a run folder and tells its best epoch", async () => {
    const { code, stdout, stderr } = await run("train", ...TINY, "--epochs", "2", "--out", "out/first", "--json");
    expect(stderr).toContain("digits: MNIST idx files, 64 train images of 28x28, 10 classes");
    expect(code).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toEqual({
      run: "out/first",
      epochs: 2,
      best: { epoch: expect.any(Number), top1: expect.any(Number), top5: expect.any(Number) },
    });

    const files = (await readdir(at("out/first"))).sort();
    expect(files).toEqual([
      "best.safetensors",
      "config.json",
      expect.stringMatching(/^events\.out\.tfevents\./),
      "last.safetensors",
      "metrics.jsonl",
      "report.html",
      "results.csv",
      "resume",
      "status.json",
      "validation.json",
    ]);
    const metrics = await metricsOf("out/first");
    expect(metrics.map(({ epoch, split }) => [epoch, split])).toEqual([
      [1, "train"],
      [1, "val"],
      [2, "train"],
      [2, "val"],
    ]);
    const keys = ["epoch", "split", "loss", "top1", "top5", "lr", "imagesPerSecond", "seconds"];
    for (const record of metrics) {
      const own = record.split === "train" ? [...keys, "dataSeconds"] : keys;
      expect(Object.keys(record).sort()).toEqual(own.sort());
    }
    const best = metrics.find(({ epoch, split }) => epoch === result.best.epoch && split === "val");
    expect(best).toMatchObject({ top1: result.best.top1, top5: result.best.top5 });
    const rows = (await read("out/first/results.csv")).toString().trim().split("\n");
    expect(rows[0]).toContain("epoch,lr,trainLoss,trainTop1,trainTop5,valLoss");
    expect(rows).toHaveLength(3);

    const { spec, form, classes, preprocessing } = await loadCheckpoint(at("out/first/last.safetensors"));
    expect({ form, classes: classes?.length, strides: spec.strides }).toEqual({
      form: "train",
      classes: 10,
      strides: [1, 2, 2, 2, 2],
    });
    expect(preprocessing).toMatchObject({ size: [28, 28], inputChannels: 3 });
    expect(JSON.parse((await read("out/first/config.json")).toString())).toMatchObject({
      device: "wasm", // what auto took, so that --resume takes it again
      data: at("digits"),
      model: "mnist-student",
      epochs: 2,
      lr: 0.1,
      run: { command: "train" },
    });
  });

  it("gives a second run the next number, and leaves the first alone", async () => {
    const args = [...TINY, "--epochs", "1", "--limit", "16", "--out", "out/numbered", "--json"];
    expect(JSON.parse((await run("train", ...args)).stdout).run).toBe("out/numbered");
    const before = await read("out/numbered/last.safetensors");
    expect(JSON.parse((await run("train", ...args, "--seed", "5")).stdout).run).toBe("out/numbered-2");
    expect(await read("out/numbered/last.safetensors")).toEqual(before);
  });

  it("keeps all weights but the head's where the classes are others, and says so", async () => {
    const { spec } = findVariant("mnist-student");
    const other = { ...spec, numClasses: 7 };
    await saveCheckpoint(at("seven.safetensors"), { spec: other, form: "train", state: initialState(other, 9) });
    const args = [...TINY, "--weights", "seven.safetensors", "--dry-run"];
    const { code, stderr } = await run("train", ...args);
    expect(code).toBe(0);
    expect(stderr).toContain(
      "seven.safetensors: all weights are kept but those of the head (linear.weight, linear.bias)",
    );
    expect(stderr).toContain("which start anew for 10 classes");
  });

  it("trains to the same weights with --checkpointing; devices that cannot do that, or be exact, say so", async () => {
    const args = [...TINY, "--epochs", "1", "--limit", "64", "--seed", "4"];
    for (const [out, ...flags] of [
      ["kept", "--exact"],
      ["again", "--exact", "--checkpointing"],
    ] as const) {
      expect((await run("train", ...args, ...flags, "--out", `out/${out}`)).code).toBe(0);
    }
    const last = (out: string) => read(`out/${out}`, "last.safetensors");
    expect(await last("again")).toEqual(await last("kept"));
    const on = await run("train", ...args, "--device", "cpu", "--checkpointing", "--out", "out/cpu");
    expect(on.code).toBe(1);
    expect(on.stderr).toContain('Train on "wasm"');
    const native = await run("train", ...args, "--device", "native", "--exact", "--out", "out/native");
    expect(native.code).toBe(1);
    expect(native.stderr).toContain("cannot be held to exact sums");
  });

  it("takes all that decides a step, and continues with it bit for bit", async () => {
    const options = ["--optimizer", "adamw", "--clip-grad", "1", "--accumulate", "3", "--schedule", "one-cycle"];
    const more = [
      "--ema",
      "0.9",
      "--freeze",
      "stem,stage1",
      "--on-nan",
      "skip",
      "--custom-l2",
      "0.001",
      "--epochs",
      "6",
    ];
    const args = [...TINY, "--batch-size", "8", ...options, ...more, "--save-every", "1", "--seed", "2"];
    const whole = await run("train", ...args, "--out", "out/many");
    expect(whole.code).toBe(0);
    expect(whole.stderr).toContain("EMA Acc@1");
    const [columns, ...rows] = (await read("out/many/results.csv")).toString().trim().split("\n");
    expect(columns).toMatch(/,valTop5,emaLoss,emaTop1,emaTop5,imagesPerSecond,seconds$/);
    const averaged = (await metricsOf("out/many")).filter(({ split }) => split === "ema");
    expect(rows.map((row) => row.split(",").slice(8, 11).map(Number))).toEqual(
      averaged.map(({ loss, top1, top5 }) => [loss, top1, top5]),
    );
    const killed = start(["train", ...args, "--out", "out/many-killed"], command);
    await killed.seen("Epoch 2/6");
    killed.child.kill("SIGKILL");
    await killed.outcome;
    expect((await run("train", "--resume", "out/many-killed")).code).toBe(0);
    for (const file of ["last", "last-ema", "best"]) {
      expect(await read("out/many-killed", `${file}.safetensors`)).toEqual(
        await read("out/many", `${file}.safetensors`),
      );
    }
  });

  it("scales a learning rate that is given for a batch with the images of a step, and says so", async () => {
    const args = ["--lr", "0.2@256", "--accumulate", "2", "--dry-run", "--json"];
    const { code, stdout, stderr } = await run("train", ...TINY, ...args);
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("--lr 0.2@256: a learning rate of 0.025 for 32 images a step"),
    ]);
    expect(JSON.parse(stdout).settings.lr).toBe(0.025);
    await writeFile(at("scaled.json"), '{"lr": "0.2@256"}');
    const fromFile = await run("train", ...TINY, "--config", "scaled.json", "--dry-run", "--json");
    expect(JSON.parse(fromFile.stdout).settings.lr).toBe(0.0125);
  });

  it("drops the learning rate at milestones", async () => {
    const args = ["--schedule", "multi-step", "--milestones", "1,3", "--gamma", "0.5", "--epochs", "4"];
    await run("train", ...TINY, ...args, "--out", "out/milestones");
    const rates = (await metricsOf("out/milestones")).filter(({ split }) => split === "train");
    expect(rates.map(({ lr }) => lr)).toEqual([0.1, 0.05, 0.05, 0.025]);
  });

  it("trains the auxiliary classifiers of RepVGGplus, and says how well", async () => {
    const body = { numBlocks: [1, 1, 2, 1], widthMultiplier: [1 / 8, 1 / 8, 1 / 16, 1 / 32], strides: [1, 2, 2, 2, 2] };
    const spec = defineSpec({
      ...body,
      squeezeExcitation: "after-relu",
      auxiliaryHeads: true,
      numClasses: 10,
    } as never);
    await saveCheckpoint(at("plus.safetensors"), { spec, form: "train", state: initialState(spec, 1) });
    const args = ["--model", "plus.safetensors", "--epochs", "3"];
    expect((await run("train", ...TINY, ...args, "--out", "out/plus")).code).toBe(0);
    const distilled = await run(
      "distill",
      ...TINY,
      ...args,
      "--teacher",
      "out/plus",
      "--any-teacher",
      "--out",
      "out/plus-student",
    );
    expect(distilled.code).toBe(0);
    for (const folder of ["out/plus", "out/plus-student"]) {
      const losses = (await metricsOf(folder))
        .map(({ figures }) => figures?.["loss/auxiliary"])
        .filter((loss) => loss !== undefined);
      expect(losses).toHaveLength(3);
      expect(losses[2]).toBeLessThan(losses[0]);
    }
  });

  it("stops early where it was told to", async () => {
    const args = ["--lr", "1e-30", "--epochs", "50", "--patience", "2", "--limit", "16", "--out", "out/early"];
    const { code, stdout } = await run("train", ...TINY, ...args);
    expect(code).toBe(0);
    expect(stdout).toContain("Stopped early: 2 epochs without a better one.");
  });

  it("starts from the weights of another run, and refuses those of another network", async () => {
    await run("train", ...TINY, "--epochs", "1", "--limit", "16", "--out", "out/base");
    const more = await run("train", ...TINY, "--epochs", "1", "--weights", "out/base", "--out", "out/more");
    expect(more.code).toBe(0);
    const foreign = await run(
      "train",
      ...TINY,
      "--model",
      "mnist-teacher",
      "--weights",
      "out/base",
      "--out",
      "out/foreign",
    );
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toContain("do not fit: numBlocks is [1,1,1,1], the network has [1,1,2,1]");
    expect(await readdir(at("out"))).not.toContain("foreign");
  });

  it("does so on another device", async () => {
    const args = ["--device", "cpu", "--epochs", "1", "--limit", "16", "--val-limit", "8", "--out", "out/cpu"];
    const { code, stderr } = await run("train", ...TINY, ...args);
    expect(code).toBe(0);
    expect(stderr).toContain("mnist-student on cpu, threads: 1; run folder: out/cpu");
  });

  it("--dry-run prints the plan and writes nothing", async () => {
    const { code, stdout } = await run("train", ...TINY, "--epochs", "3", "--out", "out/dry", "--dry-run", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ run: "out/dry", stepsPerEpoch: 4, steps: 12, model: { params: 7586 } },
      ...{ rehearsedSteps: 4, problems: [], expectedSeconds: expect.any(Number), peakMemoryBytes: expect.any(Number) },
    });
    const { stdout: text } = await run("train", ...TINY, "--epochs", "3", "--out", "out/dry", "--dry-run");
    expect(text).toMatch(/^memory {3}[\d.]+ [MG]B at most in 4 steps, everything included$/m);
    expect(text).toMatch(/^time {5}\d+ s expected: \S+ s a step, \d+ s a validation$/m);
    expect(text).toMatch(/^checks {3}nothing is wrong with the data$/m);
    expect((await readdir(command.cwd, { recursive: true })).filter((name) => name.endsWith("dry"))).toEqual([]);
  });
});

describe("distill", () => {
  it.each(["none", "shift"])("trains under a teacher (augmentation: %s)", async (augment) => {
    await run("train", ...TINY, "--epochs", "1", "--limit", "16", "--out", "out/teacher");
    const args = ["--teacher", "out/teacher", "--any-teacher", "--limit", "32", "--epochs", "1", "--augment", augment];
    const { code, stdout } = await run("distill", ...TINY, ...args, "--out", `out/student-${augment}`, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      run: `out/student-${augment}`,
      teacher: at("out/teacher/best.safetensors"),
      best: { epoch: 1 },
    });
  });

  it("refuses a teacher that does not exist", async () => {
    const { code, stderr } = await run("distill", ...TINY, "--teacher", "nowhere.safetensors");
    expect(code).toBe(1);
    expect(stderr).toContain("nowhere.safetensors cannot be read");
  });
});

describe("val", () => {
  it("--both compares both forms on every image, --per-class tells of each class", async () => {
    await run("train", ...TINY, "--epochs", "2", "--out", "out/judged");
    await run("fuse", "out/judged", "judged-deploy.safetensors");
    const args = ["--data", "digits", "--batch-size", "5", "--both", "--per-class"];
    const { code, stdout } = await run("val", "out/judged", ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^class +images +recall +precision\n0 +4 /m);
    expect(stdout).toMatch(/^Expected calibration error \d+\.\d\d % \(15 bins\)$/m);
    expect(stdout).toMatch(
      /^Train and deploy form: same class for 32 of 32 images; logits at most \S+ apart, \S+ of the /m,
    );
    const json = JSON.parse((await run("val", "out/judged", ...args, "--json")).stdout);
    expect(json.both).toMatchObject({
      images: 32,
      agreeing: 32,
      agreement: 1,
      deploy: { top1: json.top1, top5: json.top5 },
    });
    expect(json.both.maxRelativeError).toBeLessThan(1e-5); // float32 rounding
    expect(json.perClass).toHaveLength(10);
    const right = json.perClass.reduce(
      (sum: number, { images, recall }: Record<string, number>) => sum + images! * recall!,
      0,
    );
    expect(right / 32).toBeCloseTo(json.top1, 10);
    expect(json.calibrationError).toBeGreaterThan(0);

    const deployed = await run("val", "judged-deploy.safetensors", "--data", "digits", "--both");
    expect([deployed.code, deployed.stderr]).toEqual([2, expect.stringContaining("has only the deploy form")]);
  });
});
