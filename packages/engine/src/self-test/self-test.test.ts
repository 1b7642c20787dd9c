import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadEngine, supportsRelaxedSimd } from "../binaries.ts";
import { chooseEngine, type EngineVariant } from "../choose-engine.ts";
import { MemoryPlan } from "../memory-plan.ts";
import { OPERATIONS } from "../operations.ts";
import { rounding, wrongOperations } from "./self-test.ts";
import { testOptimized } from "./test-optimized.ts";
import { placeTrial } from "./trial.ts";

const VARIANTS: readonly EngineVariant[] = supportsRelaxedSimd() ? ["wide-fma", "narrow-fma", "narrow"] : ["narrow"];

const binary = (variant: EngineVariant) => readFileSync(new URL(`../../wasm/${variant}.wasm`, import.meta.url));

/** Instructions, prefix and opcode, and others of the same types, which validate as well. */
const EXCHANGES = [
  { name: "f32x4.add", from: [0xfd, 0xe4, 0x01], to: 0xe5 },
  { name: "f32x4.sub", from: [0xfd, 0xe5, 0x01], to: 0xe4 },
  { name: "f32x4.mul", from: [0xfd, 0xe6, 0x01], to: 0xe4 },
  { name: "f32x4.relaxed_madd", from: [0xfd, 0x85, 0x02], to: 0x86 },
] as const;

/** Copies of a binary with one instruction exchanged for another, each the n-th of its kind. */
function* damaged(variant: EngineVariant, every: number): Generator<Uint8Array<ArrayBuffer>> {
  const bytes = binary(variant);
  let found = 0;
  for (const { from, to } of EXCHANGES) {
    for (let at = bytes.indexOf(from[0]); at >= 0; at = bytes.indexOf(from[0], at + 1)) {
      if (bytes[at + 1] !== from[1] || bytes[at + 2] !== from[2] || found++ % every !== 0) continue;
      const copy = Uint8Array.from(bytes);
      copy[at + 1] = to;
      yield copy;
    }
  }
}

describe("the self-test", () => {
  it("tries every operation", () => {
    const { program } = placeTrial(new MemoryPlan());
    expect(new Set(program.calls.map(({ operation }) => operation))).toEqual(new Set(Object.keys(OPERATIONS)));
  });

  it.each(VARIANTS)("finds %s right, as it starts and optimised", async (variant) => {
    const { module } = await loadEngine({ variant });
    expect(wrongOperations(module, rounding(variant))).toEqual([]);
    expect(await testOptimized(variant)).toEqual([]);
  });

  it("tells one rounding from two", async () => {
    const { module } = await loadEngine({ variant: "narrow" });
    expect(wrongOperations(module, "fused")).toContain("winograd");
  });

  it.each(VARIANTS)("finds one exchanged instruction in %s, wherever it is", (variant) => {
    let [copies, missed] = [0, 0];
    for (const bytes of damaged(variant, 7)) {
      copies++;
      if (wrongOperations(new WebAssembly.Module(bytes), rounding(variant)).length === 0) missed++;
    }
    expect(copies).toBeGreaterThan(50);
    expect(missed).toBe(0);
  });

  it("names the operations whose constant was changed in its last bit", () => {
    const bytes = Uint8Array.from(binary("narrow"));
    // √½ of Winograd's transforms: 0x3f3504f3, as i32.const has it, in LEB128.
    const at = Buffer.from(bytes).indexOf(Uint8Array.of(0xf3, 0x89, 0xd4, 0xf9, 0x03));
    expect(at).toBeGreaterThan(0);
    bytes[at]! ^= 1;
    const wrong = wrongOperations(new WebAssembly.Module(bytes), "separate");
    expect(wrong).not.toEqual([]);
    expect(wrong.filter((name) => !name.startsWith("winograd"))).toEqual([]);
  });
});

describe("chooseEngine", () => {
  const fastest = VARIANTS[0]!;
  const preferred = { variant: fastest, reason: "it is the fastest" };

  /** Loads the builds, those of `broken` with an exchanged instruction; notes warnings down. */
  async function choose(broken: readonly EngineVariant[]) {
    const warnings: string[] = [];
    const load = async (variant: EngineVariant) =>
      new WebAssembly.Module(broken.includes(variant) ? damaged(variant, 1).next().value! : binary(variant));
    const { module: _, ...choice } = await chooseEngine(preferred, load, (message) => warnings.push(message));
    return { choice, warnings };
  }

  it("takes what is preferred, without a word", async () => {
    expect(await choose([])).toEqual({ choice: { ...preferred, refused: [] }, warnings: [] });
  });

  if (VARIANTS.length > 1) {
    it("falls back to the next build that is right, and warns", async () => {
      const { choice, warnings } = await choose(["wide-fma"]);
      expect(choice).toMatchObject({ variant: "narrow-fma", reason: "wide-fma failed the self-test here" });
      expect(choice.refused).toEqual([{ variant: "wide-fma", wrong: expect.arrayContaining([expect.any(String)]) }]);
      expect(warnings).toEqual([expect.stringMatching(/wide-fma build gave wrong answers .*narrow-fma runs instead/)]);
      expect((await choose(["wide-fma", "narrow-fma"])).choice.variant).toBe("narrow");
    });
  }

  it("is an error where none is right", async () => {
    await expect(choose(VARIANTS)).rejects.toMatchObject({
      code: "E_DEVICE",
      message: expect.stringContaining("narrow"),
    });
  });
});
