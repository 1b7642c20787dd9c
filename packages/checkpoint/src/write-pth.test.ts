import { defineSpec, formOf, fuseState, ndArray, type RepVggSpec } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { type Checkpoint, parseCheckpoint, serializeCheckpoint } from "./checkpoint.ts";
import { joined } from "./content.ts";
import { PickleWriter } from "./pickle-writer.ts";
import { trainedState } from "./test-trained.ts";
import { timmName } from "./timm-name.ts";
import { serializePth } from "./write-pth.ts";
import { zipContent } from "./write-zip.ts";

const spec = defineSpec({
  numBlocks: [1, 2, 1, 1],
  widthMultiplier: [1 / 16, 1 / 16, 1 / 32, 1 / 64],
  groups: { 2: 2 },
  squeezeExcitation: "after-relu",
  strides: [1, 2, 2, 2, 1], // not those that the names and shapes alone would give
  numClasses: 300, // above one byte in the pickle
});
const checkpoint: Checkpoint = {
  spec,
  form: "train",
  state: trainedState(spec),
  classes: Array.from({ length: 300 }, (_, i) => `class ${i} é`),
  classIds: Array.from({ length: 300 }, (_, i) => `n${i}`),
  preprocessing: { size: [9, 7] },
};

describe("serializePth", () => {
  it("is read back bit for bit, with all that tells how it is used: train form", () => {
    expect(parseCheckpoint(serializePth(checkpoint))).toEqual({ ...checkpoint, metadata: {}, ownSpec: true });
  });

  it("is read back bit for bit: deploy form", () => {
    const fused: Checkpoint = { spec, form: "deploy", state: fuseState(spec, checkpoint.state) };
    expect(parseCheckpoint(serializePth(fused))).toMatchObject(fused);
  });

  it.each<["train" | "deploy" | "partly fused", RepVggSpec["squeezeExcitation"]]>([
    ["train", "before-relu"],
    ["deploy", "none"],
    ["partly fused", "none"],
  ])("has timm's names on request, and is read back: %s form", (form, squeezeExcitation) => {
    const other = defineSpec({ ...spec, squeezeExcitation });
    const train = trainedState(other);
    const blocks = form === "train" ? [] : form === "deploy" ? undefined : ["stage0", "stage2.1"];
    const state = fuseState(other, train, blocks);
    const own: Checkpoint = { spec: other, form: formOf(state), state };
    const names = [...own.state.keys()].map(timmName);
    for (const bytes of [serializePth(own, { names: "timm" }), serializeCheckpoint(own, { names: "timm" })]) {
      expect(parseCheckpoint(bytes)).toMatchObject(own);
      const text = Buffer.from(bytes).toString("latin1");
      expect(names.filter((name) => !text.includes(name))).toEqual([]);
      expect(text).not.toContain("rbr_");
    }
  });

  it("refuses timm's names for what timm does not have", () => {
    expect(() => serializePth(checkpoint, { names: "timm" })).toThrow("timm has no RepVGGplus");
  });

  it("gives the same bytes for the same network, each storage at a multiple of 64 bytes", () => {
    const bytes = serializePth(checkpoint);
    expect(Buffer.compare(bytes, serializePth(checkpoint))).toBe(0);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < checkpoint.state.size; i++) {
      const name = `archive/data/${i}`;
      const at = Buffer.from(bytes.buffer).indexOf(name); // In its local header: the directory comes last.
      const begin = at + name.length + view.getUint16(at - 2, true);
      expect({ name, misaligned: begin % 64, length: view.getUint16(at - 4, true) }).toEqual({
        name,
        misaligned: 0,
        length: name.length,
      });
    }
  });

  it("refuses weights that are not finite, and classes that do not fit", () => {
    expect(() => serializePth({ ...checkpoint, classes: ["one"] })).toThrow("names 1 classes");
    const state = new Map(checkpoint.state).set("linear.bias", ndArray([300], new Float32Array(300).fill(Number.NaN)));
    expect(() => serializePth({ ...checkpoint, state })).toThrow(/E_|NaN/);
  });
});

describe("PickleWriter", () => {
  it.each([
    [0, [0x4b, 0]],
    [255, [0x4b, 255]],
    [256, [0x4a, 0, 1, 0, 0]],
    [2 ** 31, [0x8a, 8, 0, 0, 0, 0x80, 0, 0, 0, 0]],
    [2 ** 40 + 7, [0x8a, 8, 7, 0, 0, 0, 0, 1, 0, 0]],
  ])("writes %d as Python's protocol 2 does", (value, bytes) => {
    expect([...new PickleWriter().integer(value).finish()]).toEqual([0x80, 2, ...bytes, 0x2e]);
  });
});

describe("zipContent", () => {
  it("has the CRC-32 of the contents, as every zip program checks", () => {
    const data = new TextEncoder().encode("123456789");
    const bytes = joined(zipContent([{ name: "check", size: data.length, read: () => data }], 64));
    // The check value of CRC-32/ISO-HDLC.
    expect(new DataView(bytes.buffer).getUint32(14, true)).toBe(0xcbf43926);
  });
});
