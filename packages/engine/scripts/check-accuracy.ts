/**
 * Compares every variant with float64: `node scripts/check-accuracy.ts [size] [variant…]`, on random weights and one random image of
 * `size` pixels (default 96). Prints the largest difference of the logits over the largest logit; fails above 2·10⁻⁵.
 */
import { findVariant, fuseState, layerPlan, predict64, VARIANTS } from "@repvgg/core";
import { randomImages, randomState, relativeError } from "@repvgg/tooling";
import { createInferenceNetwork } from "../src/inference.ts";
import { enableWideKernels } from "../src/probe.ts";

const LARGEST = 2e-5;

const [size = "96", ...names] = process.argv.slice(2);
const imageSize = [Number(size), Number(size)] as const;
const variants = names.length > 0 ? names.map(findVariant) : VARIANTS;

enableWideKernels();
console.log(`images of ${size} pixels`);
console.log(["variant", "train", "deploy", "train, exact", "deploy, exact"].map((text) => text.padEnd(18)).join(""));
for (const { name, spec } of variants) {
  const plan = layerPlan(spec, imageSize);
  const train = randomState(plan, "train", 1);
  const images = randomImages([1, ...imageSize, spec.inputChannels], 2);
  const expected = predict64(plan, train, images).data;
  const errors: number[] = [];
  for (const exact of [false, true]) {
    for (const form of ["train", "deploy"] as const) {
      const state = form === "train" ? train : fuseState(spec, train);
      const network = await createInferenceNetwork({ spec, state, form, imageSize, threads: 2, exact });
      errors.push(relativeError((await network.predict(images)).data, expected));
      network.dispose();
    }
  }
  console.log([name, ...errors.map((error) => error.toExponential(1))].map((text) => text.padEnd(18)).join(""));
  // Not `>`: NaN fails too.
  if (!errors.every((error) => error <= LARGEST)) process.exitCode = 1;
}
