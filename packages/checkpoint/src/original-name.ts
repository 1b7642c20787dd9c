/** `DataParallel`, `torch.compile` and Lightning put something before each name. */
const WRAPPED = /^(?:module\.|_orig_mod\.|model\.)+/;
const BLOCK = /^(?:backbone\.)?(stem|stages\.(\d+)\.(\d+)|stage_(\d+)\.(\d+))\.(.+)$/;
const PARTS: readonly (readonly [foreign: RegExp, original: string])[] = [
  // timm
  [/^conv_kxk\./, "rbr_dense."],
  [/^conv_1x1\./, "rbr_1x1."],
  [/^identity\./, "rbr_identity."],
  [/^reparam_conv\./, "rbr_reparam."],
  [/^attn\.fc1\./, "se.down."],
  [/^attn\.fc2\./, "se.up."],
  // MMPretrain
  [/^branch_3x3\.norm\./, "rbr_dense.bn."],
  [/^branch_3x3\./, "rbr_dense."],
  [/^branch_1x1\.norm\./, "rbr_1x1.bn."],
  [/^branch_1x1\./, "rbr_1x1."],
  [/^branch_norm\./, "rbr_identity."],
  [/^branch_reparam\./, "rbr_reparam."],
  [/^se_layer\.conv1\.conv\./, "se.down."],
  [/^se_layer\.conv2\.conv\./, "se.up."],
];

/**
 * The original implementation's name of an entry that timm (`stages.0.0.conv_kxk.conv.weight`) or MMPretrain
 * (`backbone.stage_1.0.branch_3x3.conv.weight`) named. Names of the original, and unknown ones, stay, without `module.`.
 */
export function originalName(name: string): string {
  const plain = name.replace(WRAPPED, "");
  if (/^head\.fc\.(weight|bias)$/.test(plain)) return plain.replace("head.fc", "linear");
  const [, place, timmStage, timmBlock, mmStage, mmBlock, rest] = BLOCK.exec(plain) ?? [];
  const [foreign, original] = PARTS.find(([part]) => rest !== undefined && part.test(rest)) ?? [];
  if (foreign === undefined) return plain;
  const block =
    place === "stem"
      ? "stage0"
      : timmStage === undefined
        ? `stage${mmStage}.${mmBlock}`
        : `stage${Number(timmStage) + 1}.${timmBlock}`;
  return `${block}.${rest!.replace(foreign, original!)}`;
}
