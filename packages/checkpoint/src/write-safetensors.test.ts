import { describe, expect, it } from "vitest";
import { type RawTensor, readSafetensors } from "./read-safetensors.ts";
import { parseTensors, serializeTensors } from "./tensors.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const raw = (dtype: RawTensor["dtype"], shape: number[], ...data: number[]): RawTensor => ({
  dtype,
  shape,
  data: Uint8Array.from(data),
});

describe("writeSafetensors", () => {
  it("gives back what was written, wide types first and aligned", () => {
    const tensors = new Map([
      ["byte", raw("U8", [3], 1, 2, 3)],
      ["empty", raw("F32", [0])],
      ["long", raw("I64", [], 9, 0, 0, 0, 0, 0, 0, 0)],
      ['"quoted" \u{1f98e}', raw("F32", [1], 0, 0, 128, 63)],
    ]);
    const bytes = writeSafetensors(tensors, { note: "née" });
    const read = readSafetensors(bytes);
    expect(Object.fromEntries(read.tensors)).toEqual(Object.fromEntries(tensors));
    expect(read.metadata).toEqual({ note: "née" });
    expect([...read.tensors.keys()][0]).toBe("long");
    expect((8 + new DataView(bytes.buffer).getUint32(0, true)) % 8).toBe(0);
  });

  it("refuses data that do not fit the shape, and the name of the metadata", () => {
    expect(() => writeSafetensors(new Map([["a", raw("F32", [2], 0, 0, 0, 0)]]))).toThrow(
      /"a" \[2\] of F32.*8 bytes and has 4/,
    );
    expect(() => writeSafetensors(new Map([["__metadata__", raw("U8", [0])]]))).toThrow(/reserved/);
  });
});

it("serializeTensors keeps axes, views and special values", () => {
  const data = Float32Array.of(9, 1, -0, Number.NaN, Number.POSITIVE_INFINITY, 9).subarray(1, 5);
  const { tensors } = parseTensors(serializeTensors(new Map([["logits", { shape: [2, 2], data }]])));
  expect(tensors.get("logits")).toEqual({ shape: [2, 2], data: Float32Array.from(data) });
});
