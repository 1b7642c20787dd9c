import { type LayerPlan, layerPlan, stateLayout, zeros } from "@repvgg/core";
import { forward64 } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { parseCheckpoint } from "./checkpoint.ts";
import { nchwToNhwc, toFileLayout } from "./file-layout.ts";
import { readSafetensors } from "./read-safetensors.ts";
import { parseTensors, serializeTensors } from "./tensors.ts";
import { fixture } from "./test-fixture.ts";
import { text } from "./torch/test-zip.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const tiny = parseCheckpoint(fixture("tiny-repvgg.safetensors"));
const INPUT = nchwToNhwc({
  shape: [1, 3, 9, 7],
  data: Float32Array.from({ length: 3 * 9 * 7 }, (_, i) => Math.sin(i)),
});

describe("parseCheckpoint of PyTorch's files", () => {
  it.each(["deflated.pth", "wrapped.pth", "legacy.pth", "views.pth"])("reads the network of %s", (name) => {
    const { spec, form, state } = parseCheckpoint(fixture(name));
    expect({ spec, form }).toEqual({ spec: tiny.spec, form: "train" });
    expect(new Map([...state].sort())).toEqual(new Map([...tiny.state].sort()));
  });

  it.each([
    ["timm-grouped", "train"],
    ["timm-grouped-deploy", "deploy"],
    ["timm-se", "train"],
    ["timm-se-deploy", "deploy"],
  ])("gives timm's logits from %s.pth", (name, form) => {
    const { logits } = JSON.parse(new TextDecoder().decode(fixture("timm.json")));
    const expected: number[] = logits[name.replace("-deploy", "")];
    const checkpoint = parseCheckpoint(fixture(`${name}.pth`));
    expect(checkpoint.form).toBe(form);
    const ours = forward64(layerPlan(checkpoint.spec, [9, 7]), checkpoint.state, INPUT, { mode: "inference" });
    // Both in float64. What timm fused was rounded to float32, 6e-8 of each weight, through six layers.
    expected.forEach((logit, c) => {
      expect(ours.logits[c]).toBeCloseTo(logit, 5);
    });
  });

  it.each([
    ["plus.pth", "train", undefined],
    ["plus-leftover.pth", "deploy", 24], // entries of three auxiliary classifiers, eight each
  ])("gives PyTorch's logits of RepVGGplus from %s", (name, form, ignored) => {
    const { logits } = JSON.parse(new TextDecoder().decode(fixture("plus.json")));
    const checkpoint = parseCheckpoint(fixture(name));
    expect(checkpoint).toMatchObject({ form, spec: { squeezeExcitation: "after-relu", auxiliaryHeads: true } });
    expect(checkpoint.ignored?.length).toBe(ignored);
    const ours = forward64(layerPlan(checkpoint.spec, [9, 7]), checkpoint.state, INPUT, { mode: "inference" });
    // Both in float64. The input and what was fused were rounded to float32, 6e-8 of each weight, through six layers.
    logits.forEach((logit: number, c: number) => {
      expect(ours.logits[c]).toBeCloseTo(logit, 5);
    });
  });

  it.each([
    ["partly-fused.pth", "tiny-repvgg.json"],
    ["partly-fused-mmpretrain.pth", "tiny-repvgg.json"],
    ["partly-fused-timm.pth", "timm.json"],
  ])("keeps the form of each block of %s, with the answers of the whole", (name, answers) => {
    const { logits } = JSON.parse(new TextDecoder().decode(fixture(answers)));
    const expected: number[] = answers === "timm.json" ? logits["timm-grouped"] : logits;
    const { spec, form, state } = parseCheckpoint(fixture(name));
    expect(form).toEqual(["deploy", "train", "deploy", "train", "deploy", "train"]);
    const ours = forward64(layerPlan(spec, [9, 7]), state, INPUT, { mode: "inference" });
    // Both in float64. The input and what PyTorch fused were rounded to float32, 6e-8 of each weight, through six layers.
    expected.forEach((logit, c) => {
      expect(ours.logits[c]).toBeCloseTo(logit, 5);
    });
  });

  it("takes safetensors for safetensors, whatever the length of the header", () => {
    // 640 is 0x280, as a pickle of protocol 2 begins; 0x708, nearly an ONNX model.
    for (const length of [640, 896, 0x708]) {
      const small = text(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`.padEnd(length));
      const bytes = new Uint8Array(8 + length + 4);
      new DataView(bytes.buffer).setUint32(0, length, true);
      bytes.set(small, 8);
      expect(readSafetensors(bytes).tensors.size).toBe(1);
      expect(() => parseCheckpoint(bytes)).toThrow(/no RepVGG block/);
    }
  });

  it("is not confused by Buffers, whose slice() is another", () => {
    expect(parseCheckpoint(Buffer.from(fixture("legacy.pth"))).state).toEqual(
      parseCheckpoint(fixture("legacy.pth")).state,
    );
  });

  it("shares no memory with the file", () => {
    const file = fixture("wrapped.pth");
    const { state } = parseCheckpoint(file);
    file.fill(0);
    expect(state).toEqual(parseCheckpoint(fixture("wrapped.pth")).state);
  });
});

describe("parseCheckpoint of other names", () => {
  /** The original's names as MMPretrain has them. */
  const mmpretrain = (name: string) =>
    name
      .replace(/^stage0/, "backbone.stem")
      .replace(/^stage(\d)/, "backbone.stage_$1")
      .replace("linear", "head.fc")
      .replace("rbr_dense", "branch_3x3")
      .replace("rbr_1x1", "branch_1x1")
      .replace("rbr_identity", "branch_norm")
      .replace("rbr_reparam", "branch_reparam")
      .replace(".bn.", ".norm.");
  const renamed = (rename: (name: string) => string) => {
    const { tensors } = readSafetensors(fixture("tiny-repvgg.safetensors"));
    return writeSafetensors(new Map([...tensors].map(([name, tensor]) => [rename(name), tensor])));
  };

  it("reads MMPretrain's", () => expect(parseCheckpoint(renamed(mmpretrain)).state).toEqual(tiny.state));

  it("lists every entry that does not fit by its name in the file, with the nearest expected one", () => {
    const { tensors } = parseTensors(renamed(mmpretrain));
    const take = (name: string) => {
      const tensor = tensors.get(name)!;
      tensors.delete(name);
      return tensor;
    };
    tensors.set("head.fc.biases", take("head.fc.bias"));
    tensors.set("backbone.stem.branch_3x3.norm.wight", take("backbone.stem.branch_3x3.norm.weight"));
    tensors.set("backbone.stem.branch_3x3.norm.bias", { shape: [2], data: new Float32Array(2) });
    tensors.set("backbone.stage_1.0.branch_1x1.conv.weight", { shape: [4, 4, 1, 2], data: new Float32Array(32) });
    const message = [
      "missing stage0.rbr_dense.bn.weight (nearest in the file: backbone.stem.branch_3x3.norm.wight), linear.bias (nearest in the file: head.fc.biases)",
      "unexpected head.fc.biases (nearest: linear.bias), backbone.stem.branch_3x3.norm.wight (nearest: stage0.rbr_dense.bn.weight)",
      "misshapen backbone.stem.branch_3x3.norm.bias is [2] instead of [4], " +
        "backbone.stage_1.0.branch_1x1.conv.weight is [4, 4, 1, 2] instead of [4, 4, 1, 1].",
    ].join("; ");
    expect(() => parseCheckpoint(serializeTensors(tensors))).toThrow(
      expect.objectContaining({ code: "E_CHECKPOINT", message: expect.stringContaining(message) }),
    );
  });

  it("lists all of hundreds, in little time", () => {
    const plan: LayerPlan = layerPlan({ ...tiny.spec, numBlocks: [20, 20, 20, 20], groups: {} }, [9, 9]);
    const state = new Map(
      stateLayout(plan, "deploy").map(({ name, shape }) => [name.replace(/bias$/, "bais"), toFileLayout(zeros(shape))]),
    );
    expect(() => parseCheckpoint(serializeTensors(state))).toThrow(
      /missing (\S+ \(nearest in the file: \S+\), ){81}linear\.bias \(nearest in the file: linear\.bais\); unexpected/,
    );
  });

  it("names the nearest entry that has the shape of a misshapen one", () => {
    const { tensors } = parseTensors(fixture("tiny-repvgg.safetensors"));
    const [dense, small] = ["stage0.rbr_dense.conv.weight", "stage0.rbr_1x1.conv.weight"] as const;
    const kernel = tensors.get(dense)!;
    tensors.set(dense, tensors.get(small)!);
    tensors.set(small, kernel);
    expect(() => parseCheckpoint(serializeTensors(tensors))).toThrow(
      new RegExp(`${dense} is \\[[\\d, ]+\\] instead of \\[[\\d, ]+\\] \\(nearest of that shape: ${small}\\)`),
    );
  });

  it("takes little time for thousands", () => {
    const plan = layerPlan({ ...tiny.spec, numBlocks: [1000, 1000, 1000, 1000], groups: {} }, [9, 9]);
    const state = new Map(
      stateLayout(plan, "deploy").map(({ name, shape }) => [name.replace(/bias$/, "bais"), toFileLayout(zeros(shape))]),
    );
    // Comparing every name with every other would run into the time limit.
    expect(() => parseCheckpoint(serializeTensors(state))).toThrow(/\(nearest: \S+\).* and 2002 more/);
  }, 15_000);

  it("refuses a variance below 0", () => {
    const { tensors } = parseTensors(fixture("tiny-repvgg.safetensors"));
    tensors.get("stage0.rbr_1x1.bn.running_var")!.data[0] = -1;
    expect(() => parseCheckpoint(serializeTensors(tensors))).toThrow(
      /negative variance stage0\.rbr_1x1\.bn\.running_var/,
    );
  });
});

describe("parseCheckpoint of files that are no checkpoints says what they are", () => {
  const tar = new Uint8Array(512);
  tar.set(text("ustar"), 257);
  it.each<[string, RegExp, Uint8Array]>([
    ["an HDF5 file", /HDF5 file, perhaps a Keras model/, Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a)],
    ["an ONNX model", /is an ONNX model/, Uint8Array.of(0x08, 0x07, 0x12, 0x07, ...text("pytorch"))],
    ["a web page", /is a web page.*Download the file itself/, text("\n<!DOCTYPE html><html></html>")],
    ["a Git LFS pointer", /is a pointer of Git LFS/, text("version https://git-lfs.github.com/spec/v1\n")],
    ["a gzip archive", /is a gzip archive/, Uint8Array.of(0x1f, 0x8b, 8, 0)],
    ["a tar archive", /is a tar archive/, tar],
    ["an empty zip archive", /is an empty zip archive/, text(`PK\u0005\u0006${"\0".repeat(18)}`)],
    ["another zip archive", /is cut short or damaged/, text("PK\u0003\u0004 and so on")],
    ["a pickle of something else", /Python pickle of a list, but no PyTorch file/, Uint8Array.of(0x80, 4, 0x5d, 0x2e)],
    ["nothing", /is empty, 0 bytes\. Copy or download it again/, new Uint8Array()],
  ])("%s", (_, message, bytes) => {
    expect(() => parseCheckpoint(bytes, "net.pth")).toThrow(
      expect.objectContaining({ code: "E_CHECKPOINT", message: expect.stringMatching(/^net\.pth /) }),
    );
    expect(() => parseCheckpoint(bytes, "net.pth")).toThrow(message);
  });
});
