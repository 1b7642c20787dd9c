import { RepvggError } from "./errors.ts";

type PerStage = readonly [number, number, number, number];

/** Everything that tells one RepVGG from another. A network is this and a `StateDict`. */
export interface RepVggSpec {
  /** Blocks in stages 1 to 4. */
  readonly numBlocks: PerStage;
  /** Multiplies 64, 128, 256, 512 channels. The stem has `min(64, 64 · widthMultiplier[0])`. */
  readonly widthMultiplier: PerStage;
  /** Groups of both convolutions, by layer index (stem 0, first block of stage 1 is 1); absent means 1. */
  readonly groups: Readonly<Record<number, number>>;
  /** `before-relu`: D2se, reduction 16. `after-relu`: RepVGGplus, reduction 4. */
  readonly squeezeExcitation: "none" | "before-relu" | "after-relu";
  /**
   * RepVGGplus: in train form, a classifier also after stage 1, stage 2 and the first half of stage 3, which `Outputs.auxiliary`
   * gives. The entries then have the names of the original's RepVGGplus, in deploy form too.
   */
  readonly auxiliaryHeads: boolean;
  /** Strides of the stem and of the first block of stages 1 to 4, each 1 or 2. */
  readonly strides: readonly [stem: number, ...PerStage];
  readonly inputChannels: number;
  readonly numClasses: number;
}

/** Train form: three branches a block. Deploy form: one 3×3 convolution a block. */
export type Form = "train" | "deploy";

/** The form of all blocks, or of each: a partly fused network. */
export type Forms = Form | readonly Form[];

/** The form of the block at that position of the network. */
export const formOfBlock = (forms: Forms, index: number): Form => (typeof forms === "string" ? forms : forms[index]!);

/** `"train"` or `"deploy"` where all blocks are in it, else the list: so a network is partly fused where its form is no string. */
export const joinedForms = (forms: readonly Form[]): Forms =>
  forms.every((form) => form === forms[0]) ? forms[0]! : forms;

export const SPEC_DEFAULTS = {
  groups: {},
  squeezeExcitation: "none",
  auxiliaryHeads: false,
  strides: [2, 2, 2, 2, 2],
  inputChannels: 3,
  numClasses: 1000,
} as const satisfies Partial<RepVggSpec>;

/** Far above any network that can be trained, and low enough that a spec out of a file cannot exhaust the memory. */
const MAX_BLOCKS = 1000;

const isWhole = (n: unknown, min: number, max = Number.POSITIVE_INFINITY) =>
  Number.isInteger(n) && (n as number) >= min && (n as number) <= max;

/**
 * A complete, checked spec.
 *
 * @throws {RepvggError} `E_SPEC`: a field is out of range; the message names it.
 */
export function defineSpec(
  partial: Pick<RepVggSpec, "numBlocks" | "widthMultiplier"> & Partial<RepVggSpec>,
): RepVggSpec {
  const spec: RepVggSpec = { ...SPEC_DEFAULTS, ...partial };
  const fail = (field: string, expected: string, actual: unknown): never => {
    throw new RepvggError("E_SPEC", `spec.${field} must be ${expected}, got ${JSON.stringify(actual)}.`);
  };
  const { numBlocks, widthMultiplier, groups, strides, inputChannels, numClasses } = spec;
  if (numBlocks.length !== 4 || !numBlocks.every((n) => isWhole(n, 1, MAX_BLOCKS))) {
    fail("numBlocks", `four whole numbers from 1 to ${MAX_BLOCKS}`, numBlocks);
  }
  if (widthMultiplier.length !== 4 || !widthMultiplier.every((w) => Number.isFinite(w) && Math.floor(64 * w) >= 1)) {
    fail("widthMultiplier", "four numbers of at least 1/64", widthMultiplier);
  }
  if (strides.length !== 5 || !strides.every((s) => s === 1 || s === 2)) {
    fail("strides", "five of 1 or 2", strides);
  }
  if (!["none", "before-relu", "after-relu"].includes(spec.squeezeExcitation)) {
    fail("squeezeExcitation", '"none", "before-relu" or "after-relu"', spec.squeezeExcitation);
  }
  if (typeof spec.auxiliaryHeads !== "boolean") fail("auxiliaryHeads", "true or false", spec.auxiliaryHeads);
  if (spec.auxiliaryHeads && numBlocks[2] % 2 !== 0) {
    fail("numBlocks[2]", "even with auxiliary heads, as one stands in the middle of stage 3", numBlocks[2]);
  }
  for (const [layer, g] of Object.entries(groups)) {
    if (!isWhole(g, 1)) fail(`groups[${layer}]`, "a whole number, 1 or more", g);
  }
  if (!isWhole(inputChannels, 1)) fail("inputChannels", "a whole number, 1 or more", inputChannels);
  if (!isWhole(numClasses, 1)) fail("numClasses", "a whole number, 1 or more", numClasses);
  return spec;
}
