import { defineSpec, ndArray } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { checkpointContent, parseCheckpoint, serializeCheckpoint } from "./checkpoint.ts";
import { parseOnnx } from "./onnx-read.ts";
import { onnxContent, serializeOnnx } from "./onnx-write.ts";
import { trainedState } from "./test-trained.ts";
import { pthContent, serializePth } from "./write-pth.ts";

const spec = defineSpec({ numBlocks: [1, 1, 1, 1], widthMultiplier: [1 / 4, 1 / 8, 1 / 8, 1 / 16], numClasses: 3 });
const checkpoint = { spec, form: "train", state: trainedState(spec) } as const;
const largestArray = 4 * Math.max(...[...checkpoint.state.values()].map(({ data }) => data.length));

describe.each([
  ["safetensors", checkpointContent, serializeCheckpoint],
  ["pth", pthContent, serializePth],
  ["onnx", onnxContent, serializeOnnx],
])("%s", (_, contentOf, serialize) => {
  it("comes in pieces no larger than an array, as long as it says, each time the same", () => {
    const content = contentOf(checkpoint);
    const whole = serialize(checkpoint);
    // Copies, as chunks are borrowed.
    const chunks = Array.from(content.chunks(), (chunk) => Buffer.from(chunk));
    expect(Math.max(...chunks.map(({ length }) => length))).toBe(largestArray);
    expect(whole.length).toBeGreaterThan(2 * largestArray);
    expect(content.size).toBe(whole.length);
    expect(Buffer.concat(chunks).equals(whole)).toBe(true);
    expect(Buffer.concat([...content.chunks()]).equals(whole)).toBe(true);
  });

  it("converts arrays when they are written, not before", () => {
    const state = trainedState(spec);
    const content = contentOf({ ...checkpoint, state });
    state.get("linear.weight")!.data.fill(7);
    expect(Buffer.concat([...content.chunks()]).equals(serialize({ ...checkpoint, state }))).toBe(true);
  });
});

it.each([
  ["safetensors", serializeCheckpoint(checkpoint), parseCheckpoint],
  ["pth", serializePth(checkpoint), parseCheckpoint],
  ["onnx", serializeOnnx(checkpoint), parseOnnx],
] as const)("%s is read into arrays that are there, where their bits are the same", (_, bytes, parse) => {
  const known = new Map(checkpoint.state);
  const bias = known.get("linear.bias")!;
  known.set(
    "linear.bias",
    ndArray(
      bias.shape,
      Float32Array.from(bias.data, (value) => -value),
    ),
  );
  const { state } = parse(bytes, "the file", { reuse: known });
  // ONNX files have no counters of batches.
  for (const [name, array] of checkpoint.state) {
    if (!name.endsWith(".num_batches_tracked")) expect(state.get(name)).toEqual(array);
  }
  const kernels = [...state].filter(([name]) => name.endsWith(".weight"));
  expect(kernels.filter(([name, array]) => known.get(name) !== array)).toEqual([]);
  expect(state.get("linear.bias")).not.toBe(known.get("linear.bias"));
});
