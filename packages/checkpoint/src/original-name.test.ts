import { describe, expect, it } from "vitest";
import { originalName } from "./original-name.ts";

describe("originalName", () => {
  it.each([
    // timm
    ["stem.conv_kxk.conv.weight", "stage0.rbr_dense.conv.weight"],
    ["stages.0.0.conv_1x1.bn.running_mean", "stage1.0.rbr_1x1.bn.running_mean"],
    ["stages.3.12.identity.weight", "stage4.12.rbr_identity.weight"],
    ["stages.2.1.attn.fc1.bias", "stage3.1.se.down.bias"],
    ["stages.2.1.attn.fc2.weight", "stage3.1.se.up.weight"],
    ["stem.reparam_conv.bias", "stage0.rbr_reparam.bias"],
    ["head.fc.weight", "linear.weight"],
    // MMPretrain
    ["backbone.stem.branch_3x3.conv.weight", "stage0.rbr_dense.conv.weight"],
    ["backbone.stem.branch_1x1.norm.weight", "stage0.rbr_1x1.bn.weight"],
    ["backbone.stage_1.0.branch_3x3.norm.num_batches_tracked", "stage1.0.rbr_dense.bn.num_batches_tracked"],
    ["backbone.stage_4.10.branch_norm.running_var", "stage4.10.rbr_identity.running_var"],
    ["backbone.stage_2.1.branch_reparam.weight", "stage2.1.rbr_reparam.weight"],
    ["backbone.stage_2.1.se_layer.conv1.conv.weight", "stage2.1.se.down.weight"],
    ["backbone.stage_2.1.se_layer.conv2.conv.bias", "stage2.1.se.up.bias"],
    // Wrappers
    ["module.head.fc.bias", "linear.bias"],
    ["module._orig_mod.stage0.rbr_dense.conv.weight", "stage0.rbr_dense.conv.weight"],
    // The original's, and others
    ["stage1.0.rbr_identity.weight", "stage1.0.rbr_identity.weight"],
    ["stage1.0.post_se.down.weight", "stage1.0.post_se.down.weight"],
    ["stages.0.0.unknown.weight", "stages.0.0.unknown.weight"],
    ["backbone.conv1.weight", "backbone.conv1.weight"],
    ["head.fc.gamma", "head.fc.gamma"],
    ["", ""],
  ])("%s -> %s", (name, original) => expect(originalName(name)).toBe(original));
});
