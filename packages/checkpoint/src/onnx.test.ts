import {
  compareLogits,
  defineSpec,
  type Form,
  formOf,
  fuseState,
  type Images,
  layerPlan,
  ndArray,
  type RepVggSpec,
  RepvggError,
  seededRandom,
} from "@repvgg/core";
import { forward64 } from "@repvgg/tooling";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import type { Checkpoint } from "./checkpoint.ts";
import { nhwcToNchw } from "./file-layout.ts";
import { ONNX_INPUT, ONNX_OUTPUT } from "./onnx-graph.ts";
import { ProtobufWriter } from "./onnx-protobuf-writer.ts";
import { parseOnnx } from "./onnx-read.ts";
import { serializeOnnx } from "./onnx-write.ts";
import { trainedState } from "./test-trained.ts";

const base = {
  numBlocks: [1, 2, 1, 1],
  widthMultiplier: [1 / 4, 1 / 8, 1 / 8, 1 / 16],
  strides: [1, 2, 2, 1, 2],
  numClasses: 7,
} as const;
const SPECS: Record<string, RepVggSpec> = {
  plain: defineSpec(base),
  "groups, one input channel": defineSpec({ ...base, groups: { 2: 4, 4: 2 }, inputChannels: 1 }),
  "SE before the ReLU": defineSpec({ ...base, squeezeExcitation: "before-relu" }),
  "SE after the ReLU": defineSpec({ ...base, squeezeExcitation: "after-relu", groups: { 2: 2 } }),
};

function checkpointOf(spec: RepVggSpec, which: Form | "partly fused"): Checkpoint {
  const train = trainedState(spec);
  const classes = Array.from({ length: spec.numClasses }, (_, i) => `class ${i}, "é"`);
  const blocks = which === "train" ? [] : which === "deploy" ? undefined : ["stage1.0", "stage4.0"];
  const state = fuseState(spec, train, blocks);
  const classIds = classes.map((_, i) => `n${i}`);
  return {
    spec,
    form: formOf(state),
    state,
    classes,
    classIds,
    preprocessing: { size: [32, 32] },
    metadata: { epoch: "4" },
  };
}

function imagesOf(spec: RepVggSpec, [count, height, width]: readonly [number, number, number]): Images {
  const random = seededRandom(5);
  const shape = [count, height, width, spec.inputChannels] as const;
  return ndArray(
    shape,
    Float32Array.from({ length: count * height * width * spec.inputChannels }, () => 2 * random() - 1),
  );
}

async function runOnnx(file: Uint8Array, images: Images) {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const { shape, data } = nhwcToNchw(images);
    const { [ONNX_OUTPUT]: logits } = await session.run({ [ONNX_INPUT]: new Tensor("float32", data, shape) });
    return ndArray([images.shape[0], logits!.dims[1]!], logits!.data as Float32Array);
  } finally {
    await session.release();
  }
}

const CASES = Object.keys(SPECS).flatMap((name) =>
  (["train", "deploy", "partly fused"] as const).map((form) => ({ name, form })),
);

describe("serializeOnnx", () => {
  it.each(CASES)("onnxruntime gives our logits, any batch and size: $name, $form", async ({ name, form }) => {
    const checkpoint = checkpointOf(SPECS[name]!, form);
    const { spec, state } = checkpoint;
    const file = serializeOnnx(checkpoint);
    for (const size of [
      [3, 19, 16],
      [1, 32, 32],
    ] as const) {
      const images = imagesOf(spec, size);
      const plan = layerPlan(spec, [size[1], size[2]]);
      const ours = forward64(plan, state, images, { mode: "inference" }).logits;
      const reference = ndArray([size[0], spec.numClasses], Float32Array.from(ours));
      // Float32 against float64: rounding of a few layers.
      expect(compareLogits(await runOnnx(file, images), reference).maxRelativeError).toBeLessThan(1e-5);
    }
  });

  it("tells programs its inputs: any batch and size, or the size that is given", async () => {
    const checkpoint = checkpointOf(SPECS.plain!, "deploy");
    const shapes = async (file: Uint8Array) => {
      const session = await InferenceSession.create(file);
      const found = [session.inputMetadata, session.outputMetadata].map(([value]) =>
        value?.isTensor ? [value.name, ...value.shape] : [],
      );
      await session.release();
      return found;
    };
    expect(await shapes(serializeOnnx(checkpoint))).toEqual([
      ["input", "batch", 3, "height", "width"],
      ["logits", "batch", 7],
    ]);
    const fixed = serializeOnnx(checkpoint, { imageSize: [32, 48] });
    expect(await shapes(fixed)).toEqual([
      ["input", "batch", 3, 32, 48],
      ["logits", "batch", 7],
    ]);
    await expect(runOnnx(fixed, imagesOf(SPECS.plain!, [1, 32, 32]))).rejects.toThrow(/invalid dimensions/i);
  });

  it("refuses weights that are not finite, and classes that do not fit", () => {
    const checkpoint = checkpointOf(SPECS.plain!, "train");
    expect(() => serializeOnnx({ ...checkpoint, classes: ["one"] })).toThrow("names 1 classes");
    expect(() => serializeOnnx({ ...checkpoint, classIds: ["one"] })).toThrow("has the ids of 1 classes");
    checkpoint.state.get("linear.bias")!.data[0] = Number.NaN;
    expect(() => serializeOnnx(checkpoint)).toThrow(RepvggError);
  });
});

describe("parseOnnx", () => {
  it.each(CASES)("reads everything back, bit for bit: $name, $form", ({ name, form }) => {
    const checkpoint = checkpointOf(SPECS[name]!, form);
    const read = parseOnnx(serializeOnnx(checkpoint));
    const state = new Map(checkpoint.state);
    for (const [key, { shape }] of state) {
      if (key.endsWith(".num_batches_tracked")) state.set(key, ndArray(shape, new Float32Array(1)));
    }
    expect(read).toEqual({ ...checkpoint, state, ownSpec: true });
  });

  const checkpoint = checkpointOf(SPECS.plain!, "train");
  const file = serializeOnnx(checkpoint);
  const replaced = (from: string, to: string) => {
    const text = Buffer.from(file).toString("latin1");
    expect(text).toContain(from);
    expect(to).toHaveLength(from.length);
    return new Uint8Array(Buffer.from(text.replace(from, to), "latin1"));
  };

  it.each([
    ["a file cut short", () => file.subarray(0, file.length - 9), "reaches past the end"],
    ["text", () => new TextEncoder().encode("{ not onnx }"), "damaged or no ONNX file"],
    ["a foreign file", () => new ProtobufWriter().integer(1, 8).finish(), "only ONNX files that repvgg wrote"],
    ["another operation", () => replaced("Relu", "Selu"), "see stage0.nonlinearity"],
    ["another connection", () => replaced("stage0.rbr_1x1.bn.output", "stage0.rbr_dense.bn.outp"), "see stage0"],
    [
      "another name of a weight",
      () => replaced("linear.weight\u004a", "linear.wQight\u004a"),
      'weight "linear.wQight"',
    ],
    ["another number of classes", () => replaced('"numClasses":7', '"numClasses":8'), "names 7 classes"],
    ["other blocks", () => replaced('"numBlocks":[1,2,1,1]', '"numBlocks":[1,1,2,1]'), "does not compute the network"],
    ["metadata that are no JSON", () => replaced('"numBlocks":[1,2,1,1]', '"numBlocks":[1,2,1,1 '), "is not JSON"],
    ["another form", () => replaced('"form":"train"', '"form":"other"'), "neither train nor deploy"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => parseOnnx(bytes())).toThrow(RepvggError);
    expect(() => parseOnnx(bytes())).toThrow(message);
  });

  it("does not make a plan of billions of blocks", () => {
    const spec = { ...SPECS.plain!, numBlocks: [1, 2e9, 1, 1] };
    const entry = new ProtobufWriter().text(1, "repvgg").text(2, JSON.stringify({ version: 1, spec, form: "train" }));
    expect(() => parseOnnx(new ProtobufWriter().message(14, entry).finish())).toThrow("spec that is not valid");
  });

  it("answers 2,000 damaged files with the network or a RepvggError", () => {
    const random = seededRandom(11);
    const small = serializeOnnx(
      checkpointOf(defineSpec({ ...base, widthMultiplier: [1 / 16, 1 / 16, 1 / 32, 1 / 64] }), "deploy"),
    );
    for (let i = 0; i < 2000; i++) {
      const bytes = small.slice(0, random() < 0.2 ? Math.floor(random() * small.length) : small.length);
      for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      try {
        parseOnnx(bytes);
      } catch (error) {
        if (!(error instanceof RepvggError)) throw new Error(`File ${i}`, { cause: error });
      }
    }
  });
});
