import { describe, expect, it } from "vitest";
import { normalize, repeatChannels } from "./normalize.ts";
import { NO_RANDOMNESS } from "./transform.ts";

const f32 = Math.fround;

describe("normalize", () => {
  it("is (x / 255 − mean) / std of each channel, rounded to float32 once", () => {
    const batch = { shape: [1, 1, 2, 2], data: Uint8Array.of(0, 255, 51, 102) } as const;
    const { data } = normalize({ mean: [0.5, 0.25], std: [0.1, 2] })(batch, NO_RANDOMNESS);
    expect([...data]).toEqual([
      f32(-0.5 / 0.1),
      f32(0.75 / 2),
      f32((51 / 255 - 0.5) / 0.1),
      f32((102 / 255 - 0.25) / 2),
    ]);
  });

  it("uses one mean for all channels, whatever their number", () => {
    const transform = normalize({ mean: [0], std: [1] });
    for (const channels of [1, 3, 1]) {
      const batch = { shape: [1, 1, 1, channels], data: new Uint8Array(channels).fill(255) } as const;
      expect([...transform(batch, NO_RANDOMNESS).data]).toEqual(new Array(channels).fill(1));
    }
  });

  it("refuses statistics that do not fit, and images that are normalised already", () => {
    expect(() => normalize({ mean: [0], std: [0] })).toThrow(expect.objectContaining({ code: "E_DATA" }));
    expect(() => normalize({ mean: [0, 1], std: [1] })).toThrow(/equally many/);
    expect(() => normalize({ mean: [Number.NaN], std: [1] })).toThrow(/finite/);
    const transform = normalize({ mean: [0, 0], std: [1, 1] });
    expect(() => transform({ shape: [1, 1, 1, 3], data: new Uint8Array(3) }, NO_RANDOMNESS)).toThrow(
      /2 channels, the images have 3/,
    );
    expect(() => transform({ shape: [1, 1, 1, 2], data: new Float32Array(2) }, NO_RANDOMNESS)).toThrow(
      /normalised already/,
    );
  });
});

describe("repeatChannels", () => {
  it("repeats grey, keeps what has the channels already, refuses the rest", () => {
    const grey = { shape: [1, 1, 2, 1], data: Uint8Array.of(5, 6) } as const;
    const repeated = repeatChannels(3)(grey, NO_RANDOMNESS);
    expect(repeated).toEqual({ shape: [1, 1, 2, 3], data: Uint8Array.of(5, 5, 5, 6, 6, 6) });
    expect(repeatChannels(3)(repeated, NO_RANDOMNESS)).toBe(repeated);
    expect(repeatChannels(3)({ shape: [1, 1, 1, 1], data: Float32Array.of(0.5) }, NO_RANDOMNESS).data).toEqual(
      Float32Array.of(0.5, 0.5, 0.5),
    );
    expect(() => repeatChannels(3)({ shape: [1, 1, 1, 2], data: new Uint8Array(2) }, NO_RANDOMNESS)).toThrow(
      /2 channels.*network of 3/,
    );
  });
});
