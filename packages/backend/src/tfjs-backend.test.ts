import { getBackend, setBackend, square, tensor1d } from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type TfjsBackend, withTfjsBackend } from "./tfjs-backend.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

afterEach(() => {
  vi.restoreAllMocks();
});

describe("withTfjsBackend", () => {
  it("computes on the backend that it is asked for, without its advertisement", async () => {
    const warn = vi.spyOn(console, "warn");
    for (const name of ["cpu", "wasm"] as const) {
      const result = await withTfjsBackend(name, () => {
        expect(getBackend()).toBe(name);
        return square(tensor1d([3])).dataSync()[0];
      });
      expect(result).toBe(9);
    }
    expect(warn).not.toHaveBeenCalled();
  });

  it("sets the backend from before again", async () => {
    await setBackend("cpu");
    await withTfjsBackend("wasm", () => {});
    expect(getBackend()).toBe("cpu");
    await expect(withTfjsBackend("wasm", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(getBackend()).toBe("cpu");
  });

  it("does the work of several callers one after the other, each on its own backend", async () => {
    const seen: string[] = [];
    const work = (name: TfjsBackend) => async () => {
      for (let i = 0; i < 3; i++) {
        seen.push(`${name} on ${getBackend()}`);
        await pause(2);
      }
    };
    await Promise.all([withTfjsBackend("cpu", work("cpu")), withTfjsBackend("wasm", work("wasm"))]);
    expect(seen).toEqual([...Array(3).fill("cpu on cpu"), ...Array(3).fill("wasm on wasm")]);
  });

  it("goes on after work that failed", async () => {
    const failed = withTfjsBackend("cpu", () => {
      throw new RangeError("bad");
    });
    const next = withTfjsBackend("cpu", () => 5);
    await expect(failed).rejects.toThrow(RangeError);
    await expect(next).resolves.toBe(5);
  });
});
