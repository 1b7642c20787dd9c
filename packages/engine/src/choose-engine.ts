import { RepvggError } from "@repvgg/core";
import { prepareTrial, rounding, wrongOperations } from "./self-test/self-test.ts";

/** The builds of the engine: 256-bit with fused multiply-add, 128-bit with it, 128-bit without. */
export type EngineVariant = "wide-fma" | "narrow-fma" | "narrow";

/** Fastest first, which is also where each falls back to: the next. */
const VARIANTS: readonly EngineVariant[] = ["wide-fma", "narrow-fma", "narrow"];

/** Why a build runs, for people. */
export interface Choice {
  readonly variant: EngineVariant;
  readonly reason: string;
}

/** A build that gives known answers wrong here. */
interface RefusedVariant {
  readonly variant: EngineVariant;
  /** What was wrong: names of operations, or the error that ended it. */
  readonly wrong: readonly string[];
}

export interface LoadedEngine extends Choice {
  readonly module: WebAssembly.Module;
  /** Faster builds that the self-test refused. */
  readonly refused: readonly RefusedVariant[];
}

/**
 * The first build, from `preferred` on, that gives the known answers to every operation, bit for bit.
 *
 * @param warn Told of each build that does not, and of what runs instead.
 * @throws {RepvggError} `E_DEVICE`: none does.
 */
export async function chooseEngine(
  preferred: Choice,
  load: (variant: EngineVariant) => Promise<WebAssembly.Module>,
  warn: (message: string) => void,
): Promise<LoadedEngine> {
  const refused: RefusedVariant[] = [];
  for (const variant of VARIANTS.slice(VARIANTS.indexOf(preferred.variant))) {
    const loading = load(variant);
    const trial = prepareTrial(); // while other threads compile
    const module = await loading;
    const wrong = wrongOperations(module, rounding(variant), trial);
    if (wrong.length === 0) {
      const reason = refused.length === 0 ? preferred.reason : `${list(refused)} failed the self-test here`;
      if (refused.length > 0) warn(`${describe(refused)} The slower ${variant} runs instead; its answers are right.`);
      return { variant, reason, module, refused };
    }
    refused.push({ variant, wrong });
  }
  throw new RepvggError(
    "E_DEVICE",
    `${describe(refused)} No build of the WebAssembly engine is left. Try another version of Node, or the cpu device, and please report it.`,
  );
}

const list = (refused: readonly RefusedVariant[]) => refused.map(({ variant }) => variant).join(" and ");

const describe = (refused: readonly RefusedVariant[]) =>
  refused
    .map(({ variant, wrong }) => `The engine's ${variant} build gave wrong answers here (${wrong.join(", ")}).`)
    .join(" ");
