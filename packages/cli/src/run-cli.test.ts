import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "./commands.ts";
import { flagName } from "./option.ts";
import { commandInFolder, repvgg } from "./test-cli.ts";

const command = commandInFolder();
const { run, at } = command;

describe("help", () => {
  it("lists every command", async () => {
    const { code, stdout, stderr } = await run("--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const { name } of COMMANDS) expect(stdout).toContain(`\n  ${name.split(" ")[0]}`);
  });

  it("lists the commands of a group", async () => {
    const { code, stdout } = await run("data", "--help");
    expect([code, stdout]).toEqual([0, expect.stringContaining("inspect")]);
  });

  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    "explains every option of %s with its default, and gives one example",
    async (name, { options, example }) => {
      const { code, stdout, stderr } = await run(...name.split(" "), "--help");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const text = stdout.replace(/\s+/g, " ");
      for (const key of [...Object.keys(options), "json"]) {
        expect(text).toMatch(new RegExp(` ${flagName(key)} (<[\\w.]+> )?[^<]*default: `));
      }
      expect(stdout).toContain(`Example:\n  $ ${example}`);
    },
  );

  it("prints the version", async () => {
    expect(await run("-V")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it("starts at once, since nothing that computes is loaded", async () => {
    const coverage = at("coverage"); // V8 lists every script that it has loaded.
    await repvgg(["train", "--help"], { cwd: command.cwd, env: { NODE_V8_COVERAGE: coverage } });
    const [report] = await readdir(coverage);
    const { result } = JSON.parse(await readFile(join(coverage, report!), "utf8"));
    const loaded: string[] = result.map(({ url }: { url: string }) => url);
    expect(loaded.filter((url) => url.includes("/commander/"))).not.toEqual([]);
    const ours = fileURLToPath(new URL("..", import.meta.url));
    const light = /commander|picocolors|\/distill\/dist\/node\//; // The last listens for signals, and imports nothing.
    const heavy = loaded.filter((url) => url.startsWith("file:") && !light.test(url) && !url.includes(ours));
    expect(heavy).toEqual([]);
    expect(loaded.filter((url) => url.includes("/dist/run/"))).toEqual([]);
  });
});

describe("wrong usage", () => {
  it("of a group without its command prints what there is", async () => {
    const { code, stdout, stderr } = await run("data");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("inspect [options] <data>");
    expect(stderr).not.toContain("error:");
  });

  it.each([
    ["an unknown command of a group", ["data", "inspekt"], "unknown command 'inspekt'"],
    ["an unknown flag", ["train", "--epoch", "3"], "unknown option '--epoch' (Did you mean --epochs?)"],
    ["an unknown command", ["trian"], "unknown command 'trian' (Did you mean train?)"],
    [
      "a value below its range",
      ["train", "--lr", "-1"],
      '--lr must be a number above 0, or with its batch, as 0.1@256, got "-1".',
    ],
    ["a value above its range", ["train", "--momentum", "1"], '--momentum must be a number in [0, 1), got "1".'],
    ["no number", ["train", "--epochs", "many"], '--epochs must be a whole number in [1, 100000], got "many".'],
    ["an empty number", ["train", "--epochs", ""], '--epochs must be a whole number in [1, 100000], got "".'],
    ["an unknown choice", ["train", "--schedule", "cosin"], 'got "cosin". Did you mean cosine?'],
    ["an unknown device", ["bench", "a0", "--device", "wsm"], 'got "wsm". Did you mean wasm?'],
    ["strides of 3", ["summary", "a0", "--strides", "1,3,2,2,2"], "five of 1 or 2"],
    ["four strides", ["summary", "a0", "--strides", "1,2,2,2"], "five of 1 or 2"],
    ["an unknown variant", ["summary", "repvgg-a9"], "Did you mean repvgg-a0?"],
    ["a missing argument", ["fuse", "a.safetensors"], "missing required argument 'out'"],
    ["an argument too many", ["variants", "a0"], "too many arguments"],
    ["a flag without its value", ["train", "--epochs"], "option '--epochs <n>' argument missing"],
    ["a missing data set", ["train", "--model", "mnist-student"], "--data is missing"],
    ["a missing model", ["train", "--data", "mnist"], "--model is missing"],
    ["a missing teacher", ["distill", "--data", "mnist", "--model", "mnist-student"], "--teacher is missing"],
    ["training steps of a fused network", ["bench", "a0", "--train", "--form", "deploy"], "leave --form out"],
  ])("%s: 2, and one error on stderr", async (_, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^error: [^\n]*\nSee `repvgg .*--help`\.\n$/);
  });

  it("no command at all: 2, with the help on stderr", async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: repvgg");
  });
});

describe("variants and summary", () => {
  it("give the published sizes", async () => {
    const { code, stdout, stderr } = await run("variants", "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const a0 = JSON.parse(stdout).find(({ name }: { name: string }) => name === "repvgg-a0");
    expect(a0).toMatchObject({
      deploy: { params: 8_309_384, macs: 1_361_451_008, winogradMultiplications: 747_296_768 },
      train: { params: 9_108_968 },
      top1: 0.7241,
      source: expect.stringContaining("arxiv.org"),
    });
  });

  it.each(["repvgg-a0", "a0", "RepVGG-A0"])("know %s", async (name) => {
    const { code, stdout } = await run("summary", name, "--form", "deploy", "--json");
    const summary = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(summary).toMatchObject({ name: "repvgg-a0", form: "deploy", params: 8_309_384, imageSize: [224, 224] });
    expect(summary.layers[0]).toEqual({
      name: "stage0.rbr_reparam",
      type: "Conv2d",
      outputShape: [48, 112, 112],
      params: 27 * 48 + 48,
      macs: 27 * 48 * 112 * 112,
    });
    const sum = (key: string) => summary.layers.reduce((n: number, l: Record<string, number>) => n + l[key]!, 0);
    expect([sum("params"), sum("macs")]).toEqual([summary.params, summary.macs]);
  });

  it("summary takes other strides", async () => {
    const { stdout } = await run("summary", "a0", "--image-size", "32", "--strides", "1,1,2,2,2", "--json");
    const { layers } = JSON.parse(stdout);
    expect(layers[0].outputShape).toEqual([48, 32, 32]);
    expect(layers.at(-2).name).toBe("gap");
    expect(layers.filter((l: { name: string }) => l.name.startsWith("stage4.0")).at(-1).outputShape).toEqual([
      1280, 4, 4,
    ]);
  });

  it("summary takes another image size and other classes", async () => {
    const { stdout } = await run("summary", "a0", "--image-size", "64", "--num-classes", "200", "--json");
    const { form, layers } = JSON.parse(stdout);
    expect(form).toBe("train");
    expect(layers[0].outputShape).toEqual([48, 32, 32]);
    expect(layers.at(-1)).toMatchObject({ type: "Linear", outputShape: [200], params: 1280 * 200 + 200 });
  });

  it("summary prints torchsummary's table", async () => {
    const { stdout } = await run("summary", "mnist-student", "--form", "deploy");
    expect(stdout).toMatch(
      /Layer \(type\) +Output Shape +Param # +MACs\n=+\n +stage0.rbr_reparam \(Conv2d\) +\[-1, 4, 28, 28\]/,
    );
    expect(stdout).toContain("\nTotal params: 6,694\n");
  });
});
