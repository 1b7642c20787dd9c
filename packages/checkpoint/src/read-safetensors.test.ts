import { RepvggError, seededRandom } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "./read-safetensors.ts";
import { parseTensors } from "./tensors.ts";
import { fileOf, fixture } from "./test-fixture.ts";

const tensor = (begin: number, end: number, shape: unknown = [end - begin], dtype: unknown = "U8") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("readSafetensors", () => {
  it("reads every type that PyTorch wrote", () => {
    const { tensors, metadata } = parseTensors(fixture("dtypes.safetensors"));
    const values = Object.fromEntries([...tensors].map(([name, { data }]) => [name, [...data]]));
    const whole = [0, 1, 3, 100];
    // Exact: every number was chosen to be one in all the types it is stored in.
    const signed = [0, -1.5, 0.333251953125, 65504, 2 ** -14, 2 ** -24];
    expect(values).toEqual({
      ...Object.fromEntries(["int64", "int32", "int16", "int8", "uint8"].map((name) => [name, whole])),
      ...Object.fromEntries(["uint64", "uint32", "uint16"].map((name) => [name, whole])),
      ...Object.fromEntries(["float64", "float32", "float16"].map((name) => [name, signed])),
      bfloat16: [0, -1.5, 3.140625, 1.0002555517425873e30], // the nearest to 1e30
      bool: [1, 0],
      int64_negative: [-1, -(2 ** 40)],
      scalar: [5],
      empty: [],
    });
    expect(tensors.get("scalar")!.shape).toEqual([]);
    expect(tensors.get("empty")!.shape).toEqual([0, 3]);
    expect(metadata).toEqual({ made: "by PyTorch" });
  });

  it("decodes the special values of float16", () => {
    const half = [0x00, 0x7c, 0x00, 0xfc, 0x00, 0x7e, 0x00, 0x80]; // ∞, -∞, NaN, -0
    const { tensors } = parseTensors(fileOf({ a: tensor(0, 8, [4], "F16") }, half));
    expect([...tensors.get("a")!.data]).toEqual([Infinity, -Infinity, NaN, -0]);
  });

  it("reads from the middle of a larger buffer", () => {
    const file = fileOf({ a: tensor(0, 4, [1], "F32") }, [0, 0, 128, 63]);
    const larger = new Uint8Array(file.length + 5);
    larger.set(file, 3);
    expect([...parseTensors(larger.subarray(3, 3 + file.length)).tensors.get("a")!.data]).toEqual([1]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["too few bytes", new Uint8Array(7), /is not safetensors: it has 7 bytes/],
    ["a header longer than the file", fileOf({}, [], 1000), /cut short: its header has 1000 bytes, but only 2 follow/],
    ["a header of petabytes", fileOf({}, [], 2 ** 50), /its header would have 1125899906842624 bytes/],
    ["a header above the limit", fileOf({}, [], 100_000_001), /100000000 are allowed/],
    ["no JSON", fileOf("{a"), /its header is not JSON/],
    ["invalid UTF-8", Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff), /its header is not JSON/],
    ["a list", fileOf("[]"), /its header is JSON, but no object/],
    ["a number", fileOf("7"), /no object/],
    ["a tensor that is no object", fileOf({ a: 1 }), /"a" is described by something else/],
    ["an unknown type", fileOf({ a: tensor(0, 1, [1], "F8_E4M3") }, [0]), /"a" of the type "F8_E4M3".*F64, F32/],
    ["a type from the prototype", fileOf({ a: tensor(0, 1, [1], "toString") }, [0]), /the type "toString"/],
    ["a fractional dimension", fileOf({ a: tensor(0, 1, [0.5]) }, [0]), /"a" has the shape \[0.5\]/],
    ["a negative dimension", fileOf({ a: tensor(0, 1, [-1, -1]) }, [0]), /"a" has the shape \[-1,-1\]/],
    ["a shape that overflows", fileOf({ a: tensor(0, 1, [2 ** 40, 2 ** 40]) }, [0]), /"a" has the shape/],
    ["no shape", fileOf({ a: { dtype: "U8", data_offsets: [0, 1] } }, [0]), /"a" has the shape undefined/],
    ["one offset", fileOf({ a: { dtype: "U8", shape: [1], data_offsets: [0] } }, [0]), /"a" has the offsets \[0\]/],
    ["a negative offset", fileOf({ a: tensor(-1, 1, [2]) }, [0]), /"a" has the offsets \[-1,1\]/],
    ["an end before the beginning", fileOf({ a: tensor(1, 0, [0]) }, [0]), /"a" ends \(0\) before it begins \(1\)/],
    ["an offset outside the file", fileOf({ a: tensor(0, 9) }, [0]), /"a" ends at byte 9 of the data, but there are 1/],
    ["another size than the shape's", fileOf({ a: tensor(0, 4, [2], "F32") }, [0, 0, 0, 0]), /needs 8 bytes and has 4/],
    ["an overlap", fileOf({ a: tensor(0, 2), b: tensor(1, 3) }, [0, 0, 0]), /"a" and "b" overlap at byte 1/],
    ["the same bytes twice", fileOf({ a: tensor(0, 2), b: tensor(0, 2) }, [0, 0]), /"a" and "b" overlap/],
    ["a hole", fileOf({ a: tensor(0, 1), b: tensor(2, 3) }, [0, 0, 0]), /bytes 1 to 2.*before tensor "b"/],
    ["bytes of nobody at the end", fileOf({ a: tensor(0, 1) }, [0, 0, 0]), /its last 2 bytes belong to no tensor/],
    ["a name twice", fileOf('{"a":1,"\\u0061":1}'), /names "a" twice/],
    ["metadata that are no strings", fileOf({ __metadata__: { a: 1 } }), /__metadata__ is no object of strings/],
    [
      "a zip, as torch.save writes",
      Uint8Array.from("PK\x03\x04 data.pkl", (c) => c.charCodeAt(0)),
      /\.pth.*only safetensors/,
    ],
    ["a pickle", Uint8Array.of(0x80, 0x02, 1, 2, 3, 4, 5, 6, 7), /pickle/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes, "net.safetensors")).toThrow(
      expect.objectContaining({ code: "E_CHECKPOINT", message: expect.stringMatching(/^net\.safetensors /) }),
    );
    expect(() => readSafetensors(bytes, "net.safetensors")).toThrow(message);
  });

  it("takes names that JavaScript objects have for names", () => {
    const file = fileOf(
      '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"toString":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}',
      [7],
    );
    expect([...readSafetensors(file).tensors.keys()]).toEqual(["__proto__", "toString"]);
  });

  describe("never fails with anything but a RepvggError", () => {
    const valid = fileOf(
      { __metadata__: { k: "v" }, a: tensor(0, 8, [2, 1], "F32"), b: tensor(8, 10) },
      new Uint8Array(10),
    );
    const outcome = (bytes: Uint8Array) => {
      try {
        parseTensors(bytes);
        return "read";
      } catch (error) {
        return error instanceof RepvggError ? error.code : error;
      }
    };

    it("cut at every byte", () => {
      expect(outcome(valid)).toBe("read");
      for (let length = 0; length < valid.length; length++)
        expect(outcome(valid.slice(0, length))).toBe("E_CHECKPOINT");
    });

    it("with up to four bytes changed at random, 2,000 times", () => {
      const random = seededRandom(3);
      const outcomes = new Set<unknown>();
      for (let i = 0; i < 2000; i++) {
        const bytes = valid.slice();
        for (let flips = 1 + Math.floor(random() * 4); flips > 0; flips--) {
          bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
        }
        outcomes.add(outcome(bytes));
      }
      expect(outcomes).toEqual(new Set(["read", "E_CHECKPOINT"]));
    });
  });
});
