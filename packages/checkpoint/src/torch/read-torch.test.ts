import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { memorySource } from "../byte-source.ts";
import { type Dtype, toFloat32 } from "../dtypes.ts";
import { fixture } from "../test-fixture.ts";
import { readTorch, type TorchOptions } from "./read-torch.ts";
import { tensorPickle, text, torchFile, zipOf } from "./test-zip.ts";

function read(bytes: Uint8Array, options?: TorchOptions) {
  const { tensors, metadata } = readTorch(memorySource(bytes), "net.pth", options);
  const arrays: Record<string, { shape: readonly number[]; values: number[] }> = {};
  const dtypes: Record<string, Dtype> = {};
  for (const [name, { shape, dtype, read }] of tensors) {
    arrays[name] = { shape, values: [...toFloat32(read(), dtype)] };
    dtypes[name] = dtype;
  }
  return { arrays, dtypes, metadata };
}

const FEW = {
  a: { shape: [3, 2], values: [0, 3, 1, 4, 2, 5] },
  b: { shape: [2], values: [3, 4] },
  c: { shape: [], values: [7] },
};

describe("readTorch", () => {
  it.each([0, 1, 2, 3, 4, 5])("reads protocol %i: transposed, with an offset, a parameter", (protocol) => {
    expect(read(fixture(`protocol${protocol}.pth`)).arrays).toEqual(FEW);
  });

  it("reads the format before 1.6 in protocol 0", () => {
    expect(read(fixture("legacy-protocol0.pth")).arrays).toEqual(FEW);
  });

  it.each(["dtypes.pth", "legacy-dtypes.pth"])("reads every type (%s)", (name) => {
    const { arrays, dtypes } = read(fixture(name));
    for (const [type, { values }] of Object.entries(arrays)) {
      expect(values, type).toEqual(type === "bool" ? [0, 1, 1, 1] : [0, 1, 3, 100]);
    }
    expect(dtypes).toMatchObject({ float64: "F64", float16: "F16", bfloat16: "BF16", int64: "I64", bool: "BOOL" });
    expect(Object.keys(arrays)).toHaveLength(name === "dtypes.pth" ? 13 : 10);
  });

  it("takes the averaged weights when they are asked for", () => {
    expect(read(fixture("averaged.pth")).arrays).toEqual(FEW);
    expect(read(fixture("averaged.pth"), { ema: true }).arrays).toEqual({ ...FEW, c: { shape: [], values: [8] } });
    expect(read(fixture("averaged.pth"), { ema: "if any" }).arrays.c).toEqual({ shape: [], values: [8] });
    expect(read(fixture("protocol2.pth"), { ema: "if any" })).toEqual(read(fixture("protocol2.pth")));
    expect(() => read(fixture("protocol2.pth"), { ema: true })).toThrow(/has no averaged weights \(state_dict_ema/);
  });

  it("keeps the plain values beside the weights, and nothing of the rest", () => {
    const { metadata, arrays } = read(fixture("wrapped.pth"));
    expect(metadata).toEqual({ epoch: "119", arch: "tiny" });
    expect(Object.keys(arrays)).toContain("module.linear.bias");
    expect(Object.keys(arrays)).toHaveLength(79);
  });

  it("executes nothing: a call beside the weights is ignored, elsewhere the error names it", () => {
    expect(read(fixture("beside.pth")).arrays).toEqual(FEW);
    const system = /(posix|nt)\.system/;
    expect(() => read(fixture("within.pth"))).toThrow(system);
    expect(() => read(fixture("within.pth"))).toThrow(/"d" among its weights/);
    expect(() => read(fixture("system.pth"))).toThrow(system);
    expect(() => read(torchFile(text("cposix\nsystem\n(Vtouch executed\ntR.")))).toThrow(system);
    expect(existsSync("executed")).toBe(false);
  });

  it("reads 64-bit archives, and big-endian ones", () => {
    const files = [
      { name: "x/data.pkl", data: tensorPickle({ shape: [2], strides: [1] }) },
      { name: "x/data/0", data: Uint8Array.of(0x3f, 0x80, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
      { name: "x/byteorder", data: text("big") },
    ];
    expect(read(zipOf(files, true)).arrays).toEqual({ a: { shape: [2], values: [1, 2] } });
    expect(read(zipOf(files.map((file) => ({ ...file, deflate: true })))).arrays.a!.values).toEqual([1, 2]);
  });

  it("reads tensors without elements, and repeated ones", () => {
    expect(read(torchFile(tensorPickle({ shape: [0, 3], strides: [3, 1], offset: 4 }))).arrays.a!.shape).toEqual([
      0, 3,
    ]);
    const repeated = tensorPickle({ shape: [2, 3], strides: [1, 0], offset: 1 });
    expect(read(torchFile(repeated)).arrays.a!.values).toEqual([2, 2, 2, 3, 3, 3]);
  });

  it("reads the storage, not a copy of the file", () => {
    const file = torchFile(tensorPickle({ shape: [4], strides: [1] }));
    const { tensors } = readTorch(memorySource(file), "net.pth");
    expect(tensors.get("a")!.read().buffer).toBe(file.buffer);
  });
});

describe("readTorch refuses", () => {
  const pickle = tensorPickle({ shape: [2], strides: [1] });
  const storage = { name: "x/data/0", data: new Uint8Array(16) };
  const zeros = new Uint8Array(40_000_000);
  it.each<[string, RegExp, () => Uint8Array]>([
    [
      "a whole network",
      /torch\.nn\.modules\.linear\.Linear .* Save the network's state_dict\(\)/,
      () => fixture("object.pth"),
    ],
    ["complex numbers", /"a" of the type torch\.ComplexFloatStorage/, () => fixture("complex.pth")],
    [
      "unknown storages",
      /storage of the type torch\.StrangeStorage, which is not known/,
      () => torchFile(tensorPickle({ shape: [1], strides: [1], type: "StrangeStorage" })),
    ],
    [
      "a tensor past its storage",
      /"a" \[5\] reaches to byte 20 of its storage, which has 16/,
      () => torchFile(tensorPickle({ shape: [5], strides: [1], length: 5 })),
    ],
    [
      "a tensor past what the pickle says",
      /reaches to byte 12 .* has 8/,
      () => torchFile(tensorPickle({ shape: [3], strides: [1], length: 2 })),
    ],
    [
      "an offset past the storage",
      /reaches to byte 24/,
      () => torchFile(tensorPickle({ shape: [2], strides: [1], offset: 4 })),
    ],
    ["strides past the storage", /reaches to byte 804/, () => torchFile(tensorPickle({ shape: [3], strides: [100] }))],
    [
      "a gigantic shape",
      /reaches to byte/,
      () => torchFile(tensorPickle({ shape: [2 ** 40, 2 ** 40], strides: [1, 1] })),
    ],
    [
      "a gigantic repeated tensor",
      /would become tensors of 4000000000 bytes/,
      () => torchFile(tensorPickle({ shape: [1_000_000_000], strides: [0] })),
    ],
    [
      "one storage a thousand times",
      /would become tensors of/,
      () =>
        torchFile(
          tensorPickle({
            shape: [10_000],
            strides: [1],
            length: 10_000,
            names: Array.from({ length: 1000 }, (_, i) => `n${i}`),
          }),
          new Float32Array(10_000),
        ),
    ],
    [
      "negative strides",
      /an offset, a shape or strides that are none/,
      () => torchFile(tensorPickle({ shape: [2], strides: [-1] })),
    ],
    [
      "a missing storage",
      /the storage 0 of tensor "a" is missing/,
      () => zipOf([{ name: "x/data.pkl", data: pickle }]),
    ],
    [
      "a tensor twice",
      /has tensor "a" twice/,
      () => torchFile(tensorPickle({ shape: [1], strides: [1], names: ["a", "a"] })),
    ],
    ["no weights", /has no weights in it; it has epoch/, () => torchFile(text("(Vepoch\nI3\nd."))],
    ["an empty dict", /has no weights in it; it is empty/, () => torchFile(text("}."))],
    ["a list", /holds a list, and no state dict/, () => torchFile(text("]."))],
    ["numbers as names", /a number as the name/, () => torchFile(text("(I1\nI1\nd."))],
    ["wrappers in wrappers", /more than 4 levels/, () => torchFile(text(`${"(Vmodel\n".repeat(6)}}${"d".repeat(6)}.`))],
    [
      "TorchScript",
      /is a TorchScript archive/,
      () =>
        zipOf([
          { name: "x/data.pkl", data: pickle },
          { name: "x/constants.pkl", data: pickle },
        ]),
    ],
    [
      "a Keras archive",
      /is a Keras model/,
      () =>
        zipOf([
          { name: "config.json", data: pickle },
          { name: "model.weights.h5", data: pickle },
        ]),
    ],
    ["a zipped checkpoint", /net\.pth in it\. Unpack it first/, () => zipOf([{ name: "net.pth", data: pickle }])],
    ["any other archive", /no data\.pkl in it/, () => zipOf([{ name: "a.txt", data: pickle }])],
    [
      "a name twice in the archive",
      /x\/data\.pkl is in it twice/,
      () =>
        zipOf([
          { name: "x/data.pkl", data: pickle },
          { name: "x/data.pkl", data: pickle },
        ]),
    ],
    ["encryption", /x\/data\.pkl in it is encrypted/, () => zipOf([{ name: "x/data.pkl", data: pickle, flags: 1 }])],
    ["other packing", /packed by method 14/, () => zipOf([{ name: "x/data.pkl", data: pickle, method: 14 }])],
    [
      "two names of one file",
      /is called y where it lies/,
      () => zipOf([{ name: "x/data.pkl", data: pickle, localName: "y" }]),
    ],
    [
      "a stored size that is a lie",
      /reaches past its end|is cut short/,
      () =>
        zipOf([
          { name: "x/data.pkl", data: pickle },
          { ...storage, saidSize: 2 ** 31 },
        ]),
    ],
    [
      "an unpacked size that is a lie",
      /does not unpack to the 300000 bytes/,
      () => zipOf([{ name: "x/data.pkl", data: pickle, deflate: true, saidSize: 300_000 }]),
    ],
    [
      "more than was said",
      /does not unpack to the 9 bytes/,
      () => zipOf([{ name: "x/data.pkl", data: pickle, deflate: true, saidSize: 9 }]),
    ],
    ["a zip bomb", /refused as a zip bomb/, () => zipOf([{ name: "x/data.pkl", data: zeros, deflate: true }])],
    [
      "a bomb among the storages",
      /tensors of 40000000 bytes|zip bomb/,
      () =>
        zipOf([
          { name: "x/data.pkl", data: tensorPickle({ shape: [10_000_000], strides: [1], length: 10_000_000 }) },
          { name: "x/data/0", data: zeros, deflate: true },
        ]),
    ],
  ])("%s", (_, message, make) => {
    const all = () => read(make());
    expect(all).toThrow(
      expect.objectContaining({ code: "E_CHECKPOINT", message: expect.stringMatching(/^net\.pth /) }),
    );
    expect(all).toThrow(message);
  });

  it.each(["protocol2.pth", "legacy-protocol0.pth", "averaged.pth"])("%s cut at any byte", (name) => {
    const file = fixture(name);
    for (let length = 2; length < file.length; length++) {
      expect(() => read(file.subarray(0, length)), `${length}`).toThrow(
        expect.objectContaining({ code: "E_CHECKPOINT" }),
      );
    }
  });
});
