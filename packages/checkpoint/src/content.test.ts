import { defineSpec } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { checkpointContent, serializeCheckpoint } from "./checkpoint.ts";
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
