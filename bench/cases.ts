import { findVariant } from "@repvgg/core";
import type { Case } from "./peer.ts";

function forVariant(name: string, work: Case["work"], batchSize: number): Case {
  const { spec, imageSize } = findVariant(name);
  const verb = work === "train" ? "one training step" : "prediction, deploy form";
  return { title: `${name}, ${imageSize} px, batch ${batchSize}: ${verb}`, spec, imageSize, batchSize, work };
}

/** From what the engine is made for to what the quickstart does. */
export const CASES: readonly Case[] = [
  forVariant("repvgg-a0", "predict", 1),
  forVariant("repvgg-a0", "predict", 8),
  forVariant("repvgg-a0-64", "train", 32),
  forVariant("mnist-student", "predict", 1),
  forVariant("mnist-student", "train", 128),
  forVariant("mnist-teacher", "train", 128),
];
