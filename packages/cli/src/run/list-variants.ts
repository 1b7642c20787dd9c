import { layerPlan, profile, VARIANTS, type Variant } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import { defaultImageSize } from "./image-size.ts";
import { percent, scaled } from "./numbers.ts";
import { table } from "./table.ts";

/** What `repvgg variants` tells of one network. */
function describe(variant: Variant) {
  const { name, spec, top1, source } = variant;
  const imageSize = defaultImageSize(variant);
  const plan = layerPlan(spec, [imageSize, imageSize]);
  const deploy = profile(plan, "deploy");
  const train = profile(plan, "train");
  return {
    name,
    imageSize,
    numClasses: spec.numClasses,
    numBlocks: spec.numBlocks,
    widthMultiplier: spec.widthMultiplier,
    deploy: { params: deploy.params, macs: deploy.macs, winogradMultiplications: deploy.winogradMultiplications },
    train: { params: train.params, macs: train.macs },
    top1: top1 ?? null,
    source: source ?? null,
  };
}

export function listVariants(): CommandResult {
  const value = VARIANTS.map(describe);
  const columns = [
    { title: "name", align: "left" },
    { title: "widths", align: "left" },
    { title: "blocks", align: "left" },
    { title: "size" },
    { title: "params" },
    { title: "train params" },
    { title: "MACs" },
    { title: "Winograd mults" },
    { title: "Acc@1" },
    { title: "published in", align: "left" },
  ] as const;
  const rows = value.map((v) => [
    v.name,
    v.widthMultiplier.join(" "),
    v.numBlocks.join("-"),
    String(v.imageSize),
    scaled(v.deploy.params),
    scaled(v.train.params),
    scaled(v.deploy.macs),
    scaled(v.deploy.winogradMultiplications),
    v.top1 === null ? "" : percent(v.top1),
    v.source ?? "",
  ]);
  const notes = [
    "params, MACs and Winograd multiplications (F(2x2, 3x3)) are of the deploy form at that image size.",
    "Acc@1 is the published ImageNet accuracy in percent.",
  ];
  return { value, text: [table(columns, rows), "", ...notes].join("\n") };
}
