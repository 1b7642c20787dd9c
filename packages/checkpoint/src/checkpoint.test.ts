import {
  defineSpec,
  type Form,
  fuseState,
  initialState,
  layerPlan,
  ndArray,
  RepvggError,
  type StateDict,
  seededRandom,
} from "@repvgg/core";
import { forward64, randomSpec, randomState } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { type Checkpoint, parseCheckpoint, serializeCheckpoint } from "./checkpoint.ts";
import { nchwToNhwc, toFileLayout } from "./file-layout.ts";
import { readSafetensors } from "./read-safetensors.ts";
import { parseTensors, serializeTensors } from "./tensors.ts";
import { fixture } from "./test-fixture.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const spec = defineSpec({
  numBlocks: [1, 2, 1, 1],
  widthMultiplier: [1 / 16, 1 / 16, 1 / 32, 1 / 64],
  groups: { 2: 2 },
  strides: [1, 2, 2, 2, 1],
  numClasses: 3,
});
const checkpoint: Checkpoint = {
  spec,
  form: "train",
  state: initialState(spec, 1),
  classes: ["cat", "dog", "owl"],
  classIds: ["n02121808", "n02084071", "n01621127"],
  preprocessing: { size: [9, 7] },
  metadata: { epoch: "4" },
};

/** A file whose metadata or tensors were changed. */
function changed(change: { metadata?: Record<string, string>; own?: object; state?: (state: StateDict) => void }) {
  const { tensors, metadata } = readSafetensors(serializeCheckpoint(checkpoint));
  const arrays: StateDict = new Map(parseTensors(writeSafetensors(tensors)).tensors);
  change.state?.(arrays);
  const own = { ...JSON.parse(metadata.repvgg!), ...change.own };
  return serializeTensors(arrays, change.metadata ?? { repvgg: JSON.stringify(own) });
}

describe("parseCheckpoint of a file by PyTorch", () => {
  const { logits, spots } = JSON.parse(new TextDecoder().decode(fixture("tiny-repvgg.json")));
  const { spec, form, state, classes, metadata } = parseCheckpoint(fixture("tiny-repvgg.safetensors"));

  it("finds the spec and the form from names and shapes", () => {
    expect(spec).toMatchObject({
      numBlocks: [2, 1, 1, 1],
      widthMultiplier: [1 / 16, 1 / 32, 1 / 64, 1 / 64],
      groups: { 2: 2 },
      numClasses: 3,
    });
    expect({ form, classes, metadata }).toEqual({ form: "train", classes: undefined, metadata: {} });
  });

  it("puts every weight in its place", () => {
    const at = (name: string, ...index: number[]) => {
      const { shape, data } = state.get(name)!;
      return data[index.reduce((sum, i, axis) => sum * shape[axis]! + i, 0)];
    };
    expect(at("stage0.rbr_dense.conv.weight", 2, 0, 1, 3)).toBe(spots["stage0.rbr_dense.conv.weight[3,1,2,0]"]);
    expect(at("stage1.1.rbr_1x1.conv.weight", 0, 0, 1, 3)).toBe(spots["stage1.1.rbr_1x1.conv.weight[3,1,0,0]"]);
    expect(at("linear.weight", 5, 2)).toBe(spots["linear.weight[2,5]"]);
    expect(at("stage1.1.rbr_identity.running_var", 2)).toBe(spots["stage1.1.rbr_identity.running_var[2]"]);
    expect(state.get("stage0.rbr_dense.bn.num_batches_tracked")).toEqual(ndArray([], Float32Array.of(12)));
  });

  it("gives PyTorch's logits", () => {
    const input = ndArray(
      [1, 3, 9, 7],
      Float32Array.from({ length: 3 * 9 * 7 }, (_, i) => Math.sin(i)),
    );
    const ours = forward64(layerPlan(spec, [9, 7]), state, nchwToNhwc(input), { mode: "inference" });
    // Both in float64; the input was rounded to float32 here, which is what 1e-6 allows for.
    logits.forEach((logit: number, c: number) => {
      expect(ours.logits[c]).toBeCloseTo(logit, 6);
    });
  });

  it("takes strides, which shapes do not show, as hints", () => {
    const strides = [1, 2, 2, 2, 2] as const;
    expect(parseCheckpoint(fixture("tiny-repvgg.safetensors"), "", { hints: { strides } }).spec.strides).toEqual(
      strides,
    );
  });

  it("strips the prefix of DataParallel", () => {
    const { tensors } = readSafetensors(fixture("tiny-repvgg.safetensors"));
    const prefixed = new Map([...tensors].map(([name, tensor]) => [`module.${name}`, tensor]));
    expect(parseCheckpoint(writeSafetensors(prefixed)).state).toEqual(state);
    const both = new Map([...tensors, ...prefixed]);
    expect(() => parseCheckpoint(writeSafetensors(both))).toThrow(/twice: as "stage.*and as "module\.stage/);
  });
});

describe("serializeCheckpoint", () => {
  it("gives back everything", () => {
    const { metadata, ...rest } = parseCheckpoint(serializeCheckpoint(checkpoint));
    expect({ ...rest, metadata }).toEqual({ ...checkpoint, ownSpec: true });
  });

  it("keeps the deploy form", () => {
    const deploy = { spec, form: "deploy", state: fuseState(spec, checkpoint.state) } as const;
    expect(parseCheckpoint(serializeCheckpoint(deploy))).toMatchObject(deploy);
  });

  it("writes PyTorch's names, layouts and types", () => {
    const { tensors, metadata } = readSafetensors(serializeCheckpoint(checkpoint));
    expect([...tensors.keys()].sort()).toEqual([...checkpoint.state.keys()].sort());
    expect(tensors.get("stage2.1.rbr_dense.conv.weight")).toMatchObject({ dtype: "F32", shape: [8, 8, 3, 3] });
    expect(tensors.get("stage2.0.rbr_dense.conv.weight")).toMatchObject({ shape: [8, 2, 3, 3] });
    expect(tensors.get("linear.weight")).toMatchObject({ dtype: "F32", shape: [3, 8] });
    expect(tensors.get("stage0.rbr_dense.bn.num_batches_tracked")).toMatchObject({ dtype: "I64", shape: [] });
    expect(metadata.format).toBe("pt");
  });

  it("leaves the state unchanged", () => {
    const before = structuredClone(checkpoint.state);
    serializeCheckpoint(checkpoint);
    expect(checkpoint.state).toEqual(before);
  });

  it("refuses a state of another spec, NaN weights, and classes that do not match", () => {
    const bad = (change: Partial<Checkpoint>) => () => serializeCheckpoint({ ...checkpoint, ...change });
    expect(bad({ form: "deploy" })).toThrow(expect.objectContaining({ code: "E_STATE" }));
    expect(bad({ classes: ["cat"] })).toThrow(/names 1 classes, but the network has 3 outputs/);
    expect(bad({ classIds: ["n1", "n2"] })).toThrow(/has the ids of 2 classes, but the network has 3 outputs/);
    const state = new Map(checkpoint.state).set("linear.bias", ndArray([3], Float32Array.of(0, Number.NaN, 0)));
    expect(bad({ state })).toThrow(/linear\.bias/);
  });
});

describe("parseCheckpoint refuses", () => {
  const set = (name: string, shape: number[], value: number) => (state: StateDict) => {
    state.set(name, ndArray(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value)));
  };
  it.each<[string, Uint8Array, RegExp]>([
    [
      "NaN weights",
      changed({ state: set("stage3.0.rbr_1x1.bn.weight", [8], NaN) }),
      /NaN in tensor "stage3\.0\.rbr_1x1\.bn\.weight"/,
    ],
    ["infinite weights", changed({ state: set("linear.bias", [3], -Infinity) }), /-Infinity in tensor "linear\.bias"/],
    ["a missing tensor", changed({ state: (s) => s.delete("linear.bias") }), /missing linear\.bias/],
    ["an unexpected tensor", changed({ state: set("head.weight", [1], 0) }), /unexpected head\.weight/],
    ["a misshapen tensor", changed({ state: set("linear.bias", [4], 0) }), /linear\.bias is \[4\] instead of \[3\]/],
    [
      "a spec of other weights",
      changed({ own: { spec: { ...spec, numClasses: 4 } } }),
      /linear\.bias is \[3\] instead of \[4\]/,
    ],
    ["another number of classes", changed({ own: { classes: ["a", "b"] } }), /names 2 classes/],
    ["classes that are no names", changed({ own: { classes: [1, 2, 3] } }), /classes that are no list of names/],
    ["another number of ids", changed({ own: { classIds: ["n1"] } }), /the ids of 1 classes/],
    ["ids that are no list", changed({ own: { classIds: "n1" } }), /classIds that are no list of names/],
    ["an invalid spec", changed({ own: { spec: { ...spec, strides: [3, 1, 1, 1, 1] } } }), /spec\.strides must be/],
    ["no spec", changed({ own: { spec: null } }), /has a spec that is not valid/],
    ["a newer version", changed({ own: { version: 2 } }), /has version 2.*install a newer one/],
    ["an unknown form", changed({ own: { form: "half" } }), /neither train nor deploy/],
    ["a wrong form", changed({ own: { form: "deploy" } }), /missing stage0\.rbr_reparam\.weight/],
    ["a preprocessing that is no object", changed({ own: { preprocessing: 7 } }), /preprocessing that is no object/],
    ["metadata that are no JSON", changed({ metadata: { repvgg: "{" } }), /"repvgg" that is not JSON/],
    ["metadata that are null", changed({ metadata: { repvgg: "null" } }), /is no object/],
    [
      "weights of something else",
      serializeTensors(new Map([["fc.weight", ndArray([1, 1], Float32Array.of(0))]])),
      /no RepVGG block.*fc\.weight/,
    ],
    ["no weights at all", serializeTensors(new Map()), /it is empty/],
  ])("%s", (_, bytes, message) => {
    expect(() => parseCheckpoint(bytes, "net.safetensors")).toThrow(
      expect.objectContaining({ code: "E_CHECKPOINT", message: expect.stringMatching(/^net\.safetensors /) }),
    );
    expect(() => parseCheckpoint(bytes, "net.safetensors")).toThrow(message);
  });
});

it("bytes changed at random end in a network or a RepvggError", () => {
  const file = serializeCheckpoint(checkpoint);
  const headerLength = new DataView(file.buffer).getUint32(0, true);
  const random = seededRandom(5);
  const failures: unknown[] = [];
  let errors = 0;
  for (let i = 0; i < 500; i++) {
    const bytes = file.slice();
    bytes[Math.floor(random() * (8 + headerLength))]! ^= 1 << Math.floor(random() * 8);
    try {
      parseCheckpoint(bytes);
    } catch (error) {
      errors++;
      if (!(error instanceof RepvggError)) failures.push(error);
    }
  }
  expect(failures).toEqual([]);
  expect(errors).toBeGreaterThan(250); // most changes of the header must be noticed, or the test tries nothing
});

it("names every tensor with weights that are not finite", () => {
  const bytes = changed({
    state: (state) => {
      state.get("linear.bias")!.data[1] = Number.NaN;
      state.get("stage1.0.rbr_dense.bn.bias")!.data[0] = Number.POSITIVE_INFINITY;
    },
  });
  expect(() => parseCheckpoint(bytes)).toThrow(
    /Infinity in tensor "stage1\.0\.rbr_dense\.bn\.bias" \(element 0\), NaN in tensor "linear\.bias" \(element 1\)/,
  );
});

describe("RepVGGplus, fused", () => {
  const plus = defineSpec({
    numBlocks: [1, 1, 2, 1],
    widthMultiplier: [1 / 16, 1 / 16, 1 / 32, 1 / 64],
    squeezeExcitation: "after-relu",
    auxiliaryHeads: true,
    numClasses: 3,
  });
  const train = randomState(layerPlan(plus, [9, 9]), "train", 3);
  const left = [...train].filter(([name]) => name.includes("_aux."));
  const file = (state: StateDict) =>
    serializeTensors(new Map([...state].map(([name, array]) => [name, toFileLayout(array)])));

  it("is read without the auxiliary classifiers that were left in the file, and says so", () => {
    const fused = fuseState(plus, train);
    const loaded = parseCheckpoint(file(new Map([...fused, ...left])));
    expect(loaded).toEqual({ ...parseCheckpoint(file(fused)), ignored: left.map(([name]) => name) });
    expect(loaded.ignored).toHaveLength(24);
  });

  it("is refused with other entries beside it", () => {
    expect(() =>
      parseCheckpoint(file(new Map([...fuseState(plus, train), ["stage4_aux.3.bias", left.at(-1)![1]]]))),
    ).toThrow(/unexpected stage4_aux\.3\.bias/);
  });
});

describe("a partly fused network", () => {
  const spec = randomSpec(6, { strides: [2, 2, 2, 2, 2] });
  const plan = layerPlan(spec, [9, 8]);
  const forms = plan.blocks.map(({ index }) => (index % 3 === 0 ? "deploy" : "train") as Form);
  const state = randomState(plan, forms, 6);
  const bytes = serializeTensors(new Map([...state].map(([name, array]) => [name, toFileLayout(array)])));

  it("is read as it is, each block's form from its names", () => {
    expect(parseCheckpoint(bytes)).toMatchObject({ form: forms, state });
  });

  it("keeps its forms in a file of ours, and is refused with others or too few", () => {
    const own = { spec, form: forms, state } as const;
    expect(parseCheckpoint(serializeCheckpoint(own))).toMatchObject(own);
    const { tensors, metadata } = readSafetensors(serializeCheckpoint(own));
    const described = (form: unknown) => {
      const repvgg = JSON.stringify({ ...JSON.parse(metadata.repvgg!), form });
      return () => parseCheckpoint(writeSafetensors(tensors, { repvgg }));
    };
    expect(described(forms)).not.toThrow();
    expect(described(forms.toReversed())).toThrow(/missing/);
    expect(described(forms.slice(1))).toThrow(/nor one of these for each of its blocks/);
    expect(described(forms.with(1, "half" as Form))).toThrow(/nor one of these for each of its blocks/);
  });

  it("is refused where an entry is missing", () => {
    const [name] = [...state.keys()].filter((key) => key.endsWith("rbr_1x1.bn.bias"));
    const { tensors } = readSafetensors(bytes);
    tensors.delete(name!);
    expect(() => parseCheckpoint(writeSafetensors(tensors))).toThrow(new RegExp(`missing ${name}`));
  });
});
