import { fileURLToPath } from "node:url";
import { saveCheckpoint } from "@repvgg/checkpoint/node";
import { findVariant, initialState } from "@repvgg/core";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, writeIdxFolder } from "./test-cli.ts";

const torch = (name: string) => fileURLToPath(new URL(`../../checkpoint/src/fixtures/${name}`, import.meta.url));
const WRAPPED = torch("wrapped.pth");
const TRAINING = ["--data", ".", "--model", "mnist-student", "--batch-size", "8", "--dry-run"];

const command = commandInFolder();
const { run, at } = command;
beforeAll(async () => {
  const { spec } = findVariant("mnist-student");
  await saveCheckpoint(at("plain.safetensors"), { spec, form: "train", state: initialState(spec, 1) });
  await writeIdxFolder(command.cwd);
});

describe("--ema-weights", () => {
  it.each([
    ["summary", WRAPPED],
    ["summary", "plain.safetensors"],
    ["bench", WRAPPED],
    ["fuse", WRAPPED, "no.safetensors"],
    ["export", WRAPPED, "no.onnx"],
    ["predict", WRAPPED, "no.png"],
    ["val", WRAPPED, "--data", "."],
    ["train", "--weights", WRAPPED, ...TRAINING],
    ["distill", "--teacher", WRAPPED, ...TRAINING],
    ["distill", "--teacher", "ema", "--ema", "0.9", "--weights", WRAPPED, ...TRAINING],
  ])("of %s asks the file for its average: %j", async (...args) => {
    const { code, stderr } = await run(...args, "--ema-weights");
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("has no averaged weights") });
  });

  it("of verify takes the average of the file that has one, says so, and refuses two without", async () => {
    const verify = (...files: string[]) =>
      run("verify", ...files, "--image-size", "16", "--random-images", "2", "--device", "cpu");
    const files = [torch("tiny-repvgg.safetensors"), torch("with-average.pth")];
    expect(await verify(...files)).toMatchObject({ code: 1 });
    for (const pair of [files, files.toReversed()]) {
      const { code, stderr } = await verify(...pair, "--ema-weights");
      expect(code).toBe(0);
      expect(stderr).toMatch(/tiny-repvgg\.safetensors: its weights, as it has no averaged ones\.$/m);
      expect(stderr).toMatch(/with-average\.pth: its averaged weights\.$/m);
    }
    const { code, stderr } = await verify(files[0]!, WRAPPED, "--ema-weights");
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^error: Neither .* has averaged/) });
  });

  it("takes the average where there is one", async () => {
    const { stderr } = await run("summary", torch("averaged.pth"), "--ema-weights");
    expect(stderr).toContain("no RepVGG block"); // the file's average was found, and it is of something else
  });

  it.each([
    ["summary", "a0"],
    ["bench", "a0"],
    ["train", ...TRAINING],
    ["distill", "--teacher", "ema", "--ema", "0.9", ...TRAINING],
  ])("of %s is refused where no checkpoint is read: %j", async (...args) => {
    const { code, stderr } = await run(...args, "--ema-weights");
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/--ema-weights is /) });
  });
});
