import { describe, expect, it } from "vitest";
import { loadEngine, supportsRelaxedSimd } from "./binaries.ts";

describe("loadEngine", () => {
  it("chooses a variant that this engine can run, and says why", async () => {
    const { module, variant, reason } = await loadEngine();
    expect(module).toBeInstanceOf(WebAssembly.Module);
    expect(variant === "narrow").toBe(!supportsRelaxedSimd());
    expect(reason).not.toBe("");
  });

  it("compiles a variant once", async () => {
    const [first, second] = [await loadEngine({ variant: "narrow" }), await loadEngine({ variant: "narrow" })];
    expect(first).toMatchObject({ variant: "narrow", reason: "asked for" });
    expect(second.module).toBe(first.module);
  });

  it("needs nothing but a shared memory, and no more of it than it is given", async () => {
    const { module } = await loadEngine({ variant: "narrow" });
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    expect(Object.keys(exports).sort()).toEqual(["init", "launch", "stop", "worker"]);
  });
});
