import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareLogits, defineSpec, type Images, layerPlan, ndArray, seededRandom } from "@repvgg/core";
import { forward64 } from "@repvgg/tooling";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serializeOnnx } from "../onnx-write.ts";
import { type ForeignOnnx, foreignOnnx } from "../test-foreign-onnx.ts";
import { trainedState } from "../test-trained.ts";
import { openOnnxClassifier } from "./onnx-classifier.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "repvgg-onnx-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const IMAGE_SIZE = [6, 5] as const;

async function open(bytes: Uint8Array) {
  const file = join(folder, "it.onnx");
  await writeFile(file, bytes);
  return openOnnxClassifier(file, { imageSize: IMAGE_SIZE, threads: 1 });
}

function images(count: number): Images {
  const random = seededRandom(count);
  const [H, W] = IMAGE_SIZE;
  return ndArray(
    [count, H, W, 3],
    Float32Array.from({ length: count * H * W * 3 }, () => 6 * random() - 3),
  );
}

/** Of each image its channels' means, in float64. */
function means({ shape: [N, H, W, C], data }: Images): number[] {
  return Array.from({ length: N * C }, (_, at) => {
    const [n, c] = [Math.floor(at / C), at % C];
    let sum = 0;
    for (let p = 0; p < H * W; p++) sum += data[(n * H * W + p) * C + c]!;
    return sum / (H * W);
  });
}

describe("openOnnxClassifier", () => {
  it("gives the logits of a RepVGG", async () => {
    const spec = defineSpec({
      ...{ numBlocks: [1, 2, 1, 1], widthMultiplier: [1 / 4, 1 / 8, 1 / 8, 1 / 16], strides: [1, 2, 2, 1, 2] },
      numClasses: 7,
    });
    const state = trainedState(spec);
    const classifier = await open(serializeOnnx({ spec, form: "train", state }));
    const few = images(5);
    const reference = forward64(layerPlan(spec, IMAGE_SIZE), state, few, { mode: "inference" }).logits;
    const expected = ndArray([5, 7] as const, Float32Array.from(reference));
    // Float32 against float64: rounding of a few layers.
    expect(compareLogits(await classifier.predict(few), expected).maxRelativeError).toBeLessThan(1e-5);
    await classifier.dispose();
  });

  it.each<[string, ForeignOnnx]>([
    ["an open batch", {}],
    ["a batch of 1", { input: [1, 3, 6, 5], output: [1, 3] }],
    ["a batch of 4, which does not divide 7", { input: [4, 3, "H", "W"], output: [4, 3] }],
    ["channels last", { input: ["N", 6, 5, 3], isNhwc: true }],
    ["an output whose shape it does not tell", { output: ["N", 3, 1] }],
    ["all lengths open", { input: ["N", "C", "H", "W"], output: ["N", "classes"] }],
  ])("runs %s", async (_, file) => {
    const classifier = await open(foreignOnnx(file));
    expect(classifier).toMatchObject({ answers: "logits", spec: { numClasses: 3, inputChannels: 3 } });
    const many = images(7);
    const { shape, data } = await classifier.predict(many);
    expect(shape).toEqual([7, 3]);
    expect([...data]).toEqual(means(many).map((mean) => expect.closeTo(mean, 5)));
    await classifier.dispose();
  });

  it("gives log p of a file that ends in a softmax, from which any temperature's softmax follows", async () => {
    const classifier = await open(foreignOnnx({ ending: ["Softmax"] }));
    expect(classifier.answers).toBe("probabilities");
    const many = images(7);
    const { data } = await classifier.predict(many);
    const logits = means(many);
    for (let n = 0; n < 7; n++) {
      // log p differs from the logits by one number an image.
      const shift = data[3 * n]! - logits[3 * n]!;
      for (let c = 0; c < 3; c++) expect(data[3 * n + c]! - logits[3 * n + c]!).toBeCloseTo(shift, 5);
    }
    await classifier.dispose();
  });

  it.each<[string, Record<string, string>, readonly string[] | undefined]>([
    ["a JSON list", { classes: '["a","b","c"]' }, ["a", "b", "c"]],
    ["a Python dict", { names: `{0: 'cat', 1: "owl's", 2: 'it\\'s'}` }, ["cat", "owl's", "it's"]],
    ["too few", { classes: '["a","b"]' }, undefined],
    ["something else", { classes: "{", names: "none" }, undefined],
  ])("reads its classes: %s", async (_, metadata, expected) => {
    const classifier = await open(foreignOnnx({ metadata: { ...metadata, preprocessing: '{"mean":[0],"std":[1]}' } }));
    expect(classifier.classes).toEqual(expected);
    expect(classifier.preprocessing).toEqual({ mean: [0], std: [1] });
    await classifier.dispose();
  });

  it.each<[string, ForeignOnnx, RegExp]>([
    ["another rank in", { input: ["N", 3, "L"] }, /its input "pixels" is \[N, 3, L\], not \[N, C, H, W\]/],
    [
      "another rank out",
      { isFlat: false, output: ["N", 3, 1, 1] },
      /its output "answer" is \[N, 3, 1, 1\], not \[N, classes\]/,
    ],
    [
      "a rank out that it does not tell",
      { isFlat: false, output: ["N", 3] },
      /answers 4 images with \[4,3,1,1\], not with/,
    ],
    ["other channels", { input: ["N", 4, "H", "W"], output: ["N", 4] }, /have 3 channels, and its input "pixels"/],
    ["another size", { input: ["N", 3, 32, 32] }, /takes images of 32x32 pixels, and these are 6x5/],
    ["two inputs", { moreInputs: ["mask"] }, /has 2 inputs \(pixels, mask\), not one/],
    ["float16", { type: 10 }, /its input "pixels" is float16, not float32/],
    ["NaN", { ending: ["Sqrt"] }, /answers that are not finite/],
    ["an unknown operation", { ending: ["Frobnicate"] }, /is no ONNX file that onnxruntime runs: .*Frobnicate/],
  ])("refuses %s", async (_, file, message) => {
    await expect(open(foreignOnnx(file))).rejects.toMatchObject({
      code: "E_CHECKPOINT",
      message: expect.stringMatching(message),
    });
  });

  it("answers images of each size that was announced", async () => {
    const file = join(folder, "sizes.onnx");
    await writeFile(file, foreignOnnx({}));
    const classifier = await openOnnxClassifier(file, { imageSize: [6, 5], otherSizes: [[2, 2]], threads: 1 });
    const small = await classifier.predict(
      ndArray(
        [1, 2, 2, 3] as const,
        Float32Array.from({ length: 12 }, (_, i) => i),
      ),
    );
    expect([...small.data]).toEqual([4.5, 5.5, 6.5].map((mean) => expect.closeTo(mean, 5)));
    await expect(classifier.predict(ndArray([1, 4, 4, 3] as const, new Float32Array(48)))).rejects.toThrow(
      "[N, 6, 5, 3] or [N, 2, 2, 3]",
    );
    await classifier.dispose();
    await writeFile(file, foreignOnnx({ input: ["N", 3, 6, 5] }));
    await expect(openOnnxClassifier(file, { imageSize: [6, 5], otherSizes: [[2, 2]] })).rejects.toThrow(
      "takes images of 6x5 pixels, and these are 2x2",
    );
  });

  it("refuses what is no ONNX file, and images of another size", async () => {
    await expect(open(new TextEncoder().encode("hello"))).rejects.toMatchObject({ code: "E_CHECKPOINT" });
    await expect(openOnnxClassifier(join(folder, "nowhere.onnx"), { imageSize: [6, 5] })).rejects.toThrow(
      "cannot be read",
    );
    const classifier = await open(foreignOnnx());
    const other = ndArray([1, 5, 6, 3] as const, new Float32Array(90));
    await expect(classifier.predict(other)).rejects.toMatchObject({ code: "E_SHAPE" });
    await classifier.dispose();
  });
});
