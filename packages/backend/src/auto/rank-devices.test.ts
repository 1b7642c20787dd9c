import { describe, expect, it } from "vitest";
import { rankDevices, type StepTimes } from "./rank-devices.ts";

const order = (stepMs: StepTimes["stepMs"], cudaLinked = false) =>
  rankDevices({ times: { measured: "2026-11-24T10:00:00.000Z", step: "a step", stepMs }, cudaLinked }).map(
    ({ name }) => name,
  );

describe("rankDevices", () => {
  it("takes the fastest first where the machine was measured, and wasm last", () => {
    expect(order({ native: 66, wasm: 34, cpu: 9900 })).toEqual(["wasm"]);
    expect(order({ cuda: 5, native: 20, webgpu: 12, wasm: 34, cpu: 9900 })).toEqual([
      "cuda",
      "webgpu",
      "native",
      "wasm",
    ]);
    expect(order({ wasm: 34 }, true)).toEqual(["wasm"]); // linked, and did not work when it was measured
    expect(order({ native: 20 })).toEqual(["native", "wasm"]);
  });

  it("leaves the default only for what is a tenth faster", () => {
    expect(order({ native: 31, wasm: 34 })).toEqual(["wasm"]);
    expect(order({ native: 30, wasm: 34 })).toEqual(["native", "wasm"]);
  });

  it("takes cuda where it is linked, then wasm, where nothing was measured", () => {
    const names = (cudaLinked: boolean) => rankDevices({ times: undefined, cudaLinked }).map(({ name }) => name);
    expect(names(false)).toEqual(["wasm"]);
    expect(names(true)).toEqual(["cuda", "wasm"]);
  });

  it("says why", () => {
    const stepMs = { native: 65.97, wasm: 33.84 };
    const times = { measured: "2026-11-24T10:00:00.000Z", step: "repvgg-a0 on 4 images of 32x32", stepMs };
    expect(rankDevices({ times, cudaLinked: false })[0]!.why).toBe(
      "33.8 ms for a training step of repvgg-a0 on 4 images of 32x32 (native 66 ms), measured here on 2026-11-24",
    );
    expect(rankDevices({ times: undefined, cudaLinked: false })[0]!.why).toBe(
      "the fastest without a GPU wherever we measured; nothing was measured here, `repvgg devices` does",
    );
  });
});
