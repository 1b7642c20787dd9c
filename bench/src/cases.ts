import { findVariant } from "@repvgg/core";
import type { Case } from "./case.ts";

type Options = Partial<Pick<Case, "batchSize" | "form" | "wide" | "threads" | "work">> & {
  imageSize?: number;
  short?: string;
};

function row(name: string, peers: Case["peers"], options: Options = {}): Case {
  const variant = findVariant(name);
  const { imageSize = variant.imageSize, batchSize = 1, work = "predict", wide = true, threads } = options;
  const { short = name.replace("repvgg-", "").replace(`-${imageSize}`, "") } = options;
  const { form = work === "train" ? "train" : "deploy" } = options;
  const what = {
    predict: `prediction, ${form} form`,
    train: "one training step",
    start: "from bytes to the first answer",
  };
  const id = [
    short,
    imageSize,
    `b${batchSize}`,
    ...(work === "predict" ? (form === "train" ? ["train-form"] : []) : [work]),
    ...(threads ? [`${threads}t`] : []),
    ...(wide ? [] : ["narrow"]),
  ].join("-");
  const suffix = `${threads ? `, ${threads} thread` : ""}${wide ? "" : ", without 256-bit code"}`;
  const title = `${name}, ${imageSize} px, batch ${batchSize}: ${what[work]}${suffix}`;
  const { spec } = variant;
  return { id, title, spec, form, imageSize, batchSize, work, wide, threads, peers };
}

/** From what the engine is made for to what the quickstart does. */
export const CASES: readonly Case[] = [
  row("repvgg-a0", { "onnxruntime-node": 1.1, "tfjs-wasm": 3, pytorch: 1.1, native: 0 }),
  row("repvgg-a0", { "onnxruntime-node": 1.1, pytorch: 1.1 }, { threads: 1 }),
  row("repvgg-a0", { "onnxruntime-node": 1.2, pytorch: 1.2 }, { batchSize: 8 }),
  row("repvgg-a0", { "onnxruntime-node": 1.2, pytorch: 1.2 }, { batchSize: 32 }),
  row("repvgg-a0", { "onnxruntime-node": 1 / 2.2, "onnxruntime-web": 3, "tfjs-wasm": 3 }, { wide: false }),
  row("repvgg-a0", { "onnxruntime-node": 1 }, { form: "train" }),
  row("repvgg-a2", { "onnxruntime-node": 0.9 }),
  row("repvgg-b0", { "onnxruntime-node": 0.9 }),
  row("repvgg-b1g4", { "onnxruntime-node": 0.9 }),
  row("repvgg-d2se", { "onnxruntime-node": 0.9 }, { imageSize: 224 }),
  row("repvgg-a0", { "onnxruntime-node": 1 }, { work: "start" }),
  row("mnist-student", { "onnxruntime-node": 0, "tfjs-wasm": 0, pytorch: 0 }),
  row("repvgg-a0-64", { pytorch: 1.3, native: 0 }, { work: "train", batchSize: 32 }),
  row("repvgg-a0-64", { pytorch: 1.3 }, { work: "train", batchSize: 32, threads: 1 }),
  row("repvgg-a0", { pytorch: 1.3 }, { work: "train", batchSize: 32, imageSize: 64, short: "a0std" }),
  row("repvgg-a0", { pytorch: 1.3 }, { work: "train", batchSize: 32, imageSize: 64, short: "a0std", threads: 1 }),
  row("repvgg-a0-64", { pytorch: 1.1 }, { work: "train", batchSize: 16, imageSize: 128 }),
  row("repvgg-a0", { pytorch: 1.1 }, { work: "train", batchSize: 8 }),
  row("repvgg-b0", { pytorch: 1.1 }, { work: "train", batchSize: 32, imageSize: 64 }),
  row("repvgg-a0-64", { pytorch: 0.7 }, { work: "train", batchSize: 32, wide: false }),
  row("mnist-student", { pytorch: 1.5 }, { work: "train", batchSize: 128 }),
  row("mnist-teacher", { pytorch: 1.5 }, { work: "train", batchSize: 128 }),
];
