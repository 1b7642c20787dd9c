import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { loadCheckpoint, loadTensors, saveTensors } from "@repvgg/checkpoint/node";
import { ndArray } from "@repvgg/core";
import { beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, writeIdxFolder } from "./test-cli.ts";

const torch = (name: string) => fileURLToPath(new URL(`../../checkpoint/src/fixtures/${name}`, import.meta.url));
const PARTLY = torch("partly-fused.pth");
const WHOLE = torch("tiny-repvgg.safetensors");
const FORMS = ["deploy", "train", "deploy", "train", "deploy", "train"];
const SMALL = ["--device", "cpu", "--image-size", "16", "--random-images", "2"];

const command = commandInFolder();
const { run, at } = command;
beforeAll(async () => {
  await writeIdxFolder(command.cwd);
});
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, "--json");
  return { code, stderr, value: stdout === "" ? undefined : JSON.parse(stdout) };
};

describe("a partly fused checkpoint", () => {
  it("summary counts each block in its own form", async () => {
    const { value } = await json("summary", PARTLY);
    expect(value.form).toEqual(FORMS);
    expect(value.layers[0]).toMatchObject({ name: "stage0.rbr_reparam", type: "Conv2d" });
    expect(value.layers[2]).toMatchObject({ name: "stage1.0.rbr_dense.conv" });
    expect((await run("summary", PARTLY)).stdout).toMatch(/, partly fused \(3 of 6 blocks\), 3 x 224/);
  });

  it.each(["cpu", "wasm", "tfjs-wasm"])("predict gives PyTorch's logits on %s", async (device) => {
    const { logits } = JSON.parse(await readFile(torch("tiny-repvgg.json"), "utf8"));
    const pixels = Float32Array.from({ length: 3 * 9 * 7 }, (_, i) => Math.sin(i));
    await saveTensors(at("in.safetensors"), new Map([["input", ndArray([1, 3, 9, 7], pixels)]]));
    for (const name of ["partly-fused.pth", "partly-fused-mmpretrain.pth"]) {
      const out = ["--tensor", "in.safetensors", "--logits", `${device}.safetensors`];
      expect(await json("predict", torch(name), ...out, "--device", device)).toMatchObject({ code: 0 });
      const ours = (await loadTensors(at(`${device}.safetensors`))).tensors.get("logits")!.data;
      const largest = Math.max(...logits.map(Math.abs));
      // float32 here and float64 there: 1e-5 of the largest logit is what conversions must keep.
      logits.forEach((logit: number, c: number) => {
        expect(Math.abs(ours[c]! - logit)).toBeLessThan(1e-5 * largest);
      });
    }
  });

  it("fuse finishes it, and verify takes it for what it was and for what it becomes", async () => {
    expect(await json("fuse", PARTLY, "finished.safetensors", ...SMALL)).toMatchObject({ code: 0, stderr: "" });
    expect(await loadCheckpoint(at("finished.safetensors"))).toMatchObject({ form: "deploy" });
    for (const other of [WHOLE, "finished.safetensors", torch("partly-fused-mmpretrain.pth")]) {
      expect(await json("verify", PARTLY, other, ...SMALL)).toMatchObject({ code: 0, value: { equal: true } });
    }
  });

  it.each(["kept.safetensors", "kept.pth", "kept.onnx", "kept"])("export --form keep writes it as %s", async (out) => {
    const format = out === "kept" ? ["--format", "tfjs"] : [];
    const exported = await json("export", PARTLY, out, "--form", "keep", ...format, ...SMALL);
    expect(exported).toMatchObject({ code: 0, stderr: "", value: { form: FORMS, maxAbsoluteError: 0 } });
    expect((await json("summary", out)).value.form).toEqual(FORMS);
  });

  it("export gives it timm's names, and fuses it for ONNX", async () => {
    await json("export", PARTLY, "timm.pth", "--names", "timm", ...SMALL);
    expect(await loadCheckpoint(at("timm.pth"))).toMatchObject({ form: FORMS });
    expect((await json("export", PARTLY, "fused.onnx", ...SMALL)).value).toMatchObject({ form: "deploy", equal: true });
    const { code, stderr } = await json("export", PARTLY, "no.pth", "--form", "train", ...SMALL);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("its branches cannot be had back") });
  });

  it("bench measures it, and nothing trains it", async () => {
    const bench = ["bench", PARTLY, "--device", "cpu", "--image-size", "16", "--runs", "1", "--warmup", "0"];
    expect(await json(...bench)).toMatchObject({ code: 0, value: { form: "deploy" } });
    expect(await json(...bench, "--train")).toMatchObject({ code: 2, value: undefined });
    for (const [weights, message] of [
      [PARTLY, "is partly fused (3 of 6 blocks), which cannot be trained"],
      ["finished.safetensors", "is in deploy form, which cannot be trained"],
    ]) {
      const args = ["--data", ".", "--model", weights!, "--weights", weights!, "--batch-size", "8", "--dry-run"];
      const { code, stderr } = await json("train", ...args);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message!) });
    }
  });
});
