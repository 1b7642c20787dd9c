import "@tensorflow/tfjs-backend-cpu";
import { setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { targetsOf } from "./targets.ts";

beforeAll(async () => {
  await setBackend("cpu");
});

describe("targetsOf", () => {
  const labels = Int32Array.of(0, 2, 1);

  it("is one-hot without blending", () => {
    expect(targetsOf({ labels }, 3).arraySync()).toEqual([
      [1, 0, 0],
      [0, 0, 1],
      [0, 1, 0],
    ]);
  });

  it("blends as the images are", () => {
    const mixture = { partners: Int32Array.of(2, 0, 1), lambda: 0.75 };
    expect(targetsOf({ labels, mixture }, 3).arraySync()).toEqual([
      [0.75, 0.25, 0],
      [0.25, 0, 0.75],
      [0, 0.75, 0.25],
    ]);
  });
});
