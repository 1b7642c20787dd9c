import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Form, fuseState, layerPlan, type RepVggSpec, zeros } from "@repvgg/core";
import { forward64, randomImages, randomSpec, randomState, relativeError } from "@repvgg/tooling";
import "@tensorflow/tfjs-backend-cpu";
import { io, setBackend, type Tensor, tensor4d, tidy } from "@tensorflow/tfjs-core";
import { loadLayersModel } from "@tensorflow/tfjs-layers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadTfjsFolder, writeTfjsFolder } from "./node/tfjs-folder.ts";
import { parseTfjs } from "./tfjs-read.ts";
import { serializeTfjs } from "./tfjs-write.ts";

// Float32 in TensorFlow.js, float64 in the reference.
const TOLERANCE = 1e-5;
/** What the tests change of model.json. */
interface ModelJson {
  userDefinedMetadata?: object;
  modelTopology: { config: object };
  weightsManifest: [{ weights: [object] }];
}

const WIDTHS: RepVggSpec["widthMultiplier"] = [0.25, 0.125, 0.0625, 0.0625];

const network = (seed: number, fixed: Partial<RepVggSpec> = {}) => {
  const spec = randomSpec(seed, { inputChannels: 3, widthMultiplier: WIDTHS, ...fixed });
  const plan = layerPlan(spec, [9, 10]);
  const state = fuseState(spec, randomState(plan, "train", seed));
  return { plan, checkpoint: { spec, form: "deploy" as const, state } };
};

/** The logits that TensorFlow.js computes from the files. */
async function run(files: ReadonlyMap<string, Uint8Array>, images: ReturnType<typeof randomImages>) {
  const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(files.get("model.json")));
  const [{ paths, weights: weightSpecs }] = weightsManifest;
  const weightData = Uint8Array.from(Buffer.concat(paths.map((path: string) => files.get(path)!))).buffer;
  const model = await loadLayersModel(io.fromMemory({ modelTopology, weightSpecs, weightData }));
  return tidy(() => (model.predict(tensor4d(images.data, [...images.shape])) as Tensor).dataSync());
}

beforeAll(async () => {
  await setBackend("cpu");
});

describe("serializeTfjs", () => {
  it.each<[string, Partial<RepVggSpec>]>([
    ["plain, all strides", { squeezeExcitation: "none", strides: [2, 1, 2, 2, 1], groups: {} }],
    ["groups", { squeezeExcitation: "none", groups: { 1: 2, 2: 4 }, numBlocks: [2, 1, 1, 1] }],
    ["squeeze-and-excitation before the ReLU", { squeezeExcitation: "before-relu", groups: {} }],
    ["squeeze-and-excitation after the ReLU", { squeezeExcitation: "after-relu", groups: {} }],
  ])("gives the reference's logits in tf.loadLayersModel: %s", async (_, fixed) => {
    const { plan, checkpoint } = network(3, fixed);
    const images = randomImages([2, 9, 10, 3], 1);
    const { logits } = forward64(plan, checkpoint.state, images, { mode: "inference" });
    expect(relativeError(await run(serializeTfjs(checkpoint), images), logits)).toBeLessThan(TOLERANCE);
    const fixedSize = serializeTfjs(checkpoint, { imageSize: [9, 10] });
    expect(relativeError(await run(fixedSize, images), logits)).toBeLessThan(TOLERANCE);
  });

  it("cuts the weights into shards of 4 MiB, which are read back", () => {
    const { checkpoint } = network(5, {
      widthMultiplier: [1, 1, 0.75, 0.5],
      numBlocks: [1, 1, 2, 1],
      groups: { 3: 2 },
    });
    const files = serializeTfjs(checkpoint);
    expect(files.size).toBeGreaterThan(2);
    expect(files.get(`group1-shard1of${files.size - 1}.bin`)).toHaveLength(4 * 2 ** 20);
    expect(parseTfjs(files)).toMatchObject(checkpoint);
  });

  it.each<[string, Partial<RepVggSpec>]>([
    ["groups, all strides", { squeezeExcitation: "none", strides: [2, 1, 2, 2, 1], groups: { 2: 2 } }],
    ["squeeze-and-excitation before the ReLU", { squeezeExcitation: "before-relu", groups: {} }],
    ["squeeze-and-excitation after the ReLU", { squeezeExcitation: "after-relu", groups: {} }],
  ])("keeps branches, of all blocks or of some: %s", async (_, fixed) => {
    const { plan, checkpoint } = network(3, { auxiliaryHeads: false, ...fixed });
    const images = randomImages([2, 9, 10, 3], 1);
    for (const form of ["train", plan.blocks.map(({ index }): Form => (index % 3 ? "train" : "deploy"))] as const) {
      const state = randomState(plan, form, 1);
      for (const name of state.keys()) if (name.endsWith("num_batches_tracked")) state.set(name, zeros([]));
      const own = { spec: checkpoint.spec, form, state };
      const files = serializeTfjs(own);
      const { logits } = forward64(plan, state, images, { mode: "inference" });
      expect(relativeError(await run(files, images), logits)).toBeLessThan(TOLERANCE);
      expect(parseTfjs(files)).toMatchObject(own);
    }
  });

  it("refuses auxiliary classifiers, which have no place in a model that gives logits", () => {
    const { plan, checkpoint } = network(3, { auxiliaryHeads: true, numBlocks: [1, 1, 2, 1], groups: {} });
    expect(() => serializeTfjs({ ...checkpoint, form: "train", state: randomState(plan, "train", 1) })).toThrow(
      expect.objectContaining({ code: "E_UNSUPPORTED" }),
    );
  });
});

describe("parseTfjs", () => {
  const changed = (change: (model: ModelJson, files: Map<string, Uint8Array>) => void) => {
    const files = serializeTfjs(network(3, { groups: { 1: 2 }, squeezeExcitation: "none" }).checkpoint);
    const model = JSON.parse(new TextDecoder().decode(files.get("model.json")));
    change(model, files);
    if (files.has("model.json")) files.set("model.json", new TextEncoder().encode(JSON.stringify(model)));
    return () => parseTfjs(files, "net");
  };
  const path = "group1-shard1of1.bin";

  it.each<[string, RegExp, Parameters<typeof changed>[0]]>([
    ["no model.json", /net has no model\.json/, (_, files) => files.delete("model.json")],
    ["a missing shard", /net lacks its file group1-shard1of1\.bin/, (_, files) => files.delete(path)],
    ["a shard cut short", /cut short or damaged/, (_, files) => files.set(path, files.get(path)!.subarray(4))],
    [
      "another program's model",
      /only TensorFlow\.js models that repvgg wrote/,
      (model) => delete model.userDefinedMetadata,
    ],
    ["another layer", /has other layers/, (model) => Object.assign(model.modelTopology.config, { name: "other" })],
    [
      "other weights",
      /has other weights/,
      (model) => Object.assign(model.weightsManifest[0].weights[0], { name: "x" }),
    ],
    ["no manifest", /does not name the files/, (model) => Object.assign(model, { weightsManifest: 3 })],
    [
      "weights between groups",
      /weights between its groups/,
      (_, files) =>
        files.set(
          path,
          files.get(path)!.map(() => 1),
        ),
    ],
  ])("refuses %s", (_, message, change) => {
    expect(changed(change)).toThrow(
      expect.objectContaining({ code: "E_CHECKPOINT", message: expect.stringMatching(message) }),
    );
  });
});

describe("writeTfjsFolder", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "repvgg-tfjs-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("writes a folder, replaces a model, and leaves anything else alone", async () => {
    const [first, second] = [network(3).checkpoint, network(4).checkpoint];
    const state = async () => (await loadTfjsFolder(join(folder, "net"))).state;
    await writeTfjsFolder(join(folder, "net"), serializeTfjs(first));
    expect(await state()).toEqual(first.state);
    await writeTfjsFolder(join(folder, "net"), serializeTfjs(second));
    expect(await state()).toEqual(second.state);
    await mkdir(join(folder, "other"));
    await writeFile(join(folder, "file"), "");
    for (const [name, message] of [
      ["other", /a folder without/],
      ["file", /it is a file/],
      ["none/net", /does not exist/],
    ] as const) {
      await expect(writeTfjsFolder(join(folder, name), serializeTfjs(first))).rejects.toThrow(
        expect.objectContaining({ code: "E_CHECKPOINT", message: expect.stringMatching(message) }),
      );
    }
    expect((await readdir(folder)).sort()).toEqual(["file", "net", "other"]);
  });
});
