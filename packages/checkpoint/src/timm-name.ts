import { RepvggError } from "@repvgg/core";

/** Whose names the weights have in a file. */
export type NamesOf = "original" | "timm";

const PARTS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\.rbr_dense\./, ".conv_kxk."],
  [/\.rbr_1x1\./, ".conv_1x1."],
  [/\.rbr_identity\./, ".identity."],
  [/\.rbr_reparam\./, ".reparam_conv."],
  [/\.se\.down\./, ".attn.fc1."],
  [/\.se\.up\./, ".attn.fc2."],
  [/^stage0\./, "stem."],
  [/^linear\./, "head.fc."],
];

/**
 * The name that timm's RepVGG gives to a weight of the original implementation.
 *
 * @throws {RepvggError} `E_UNSUPPORTED`: timm has no squeeze-and-excitation after the ReLU (RepVGGplus).
 * @see timm/models/byobnet.py
 */
export function timmName(name: string): string {
  if (name.includes(".post_se.")) {
    throw new RepvggError(
      "E_UNSUPPORTED",
      `timm has no RepVGGplus, so ${name} has no name there. Keep the original names.`,
    );
  }
  const staged = name.replace(/^stage([1-4])\./, (_, stage) => `stages.${Number(stage) - 1}.`);
  return PARTS.reduce((changed, [pattern, part]) => changed.replace(pattern, part), staged);
}

/** The name of a weight in a file. */
export function nameInFile(name: string, names: NamesOf): string {
  return names === "timm" ? timmName(name) : name;
}
