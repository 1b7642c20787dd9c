import { readFileSync } from "node:fs";
import {
  type Images,
  type LayerPlan,
  layerPlan,
  type NdArray,
  parseSpec,
  type SgdStep,
  type StateDict,
  sizeOf,
} from "@repvgg/core";

/** What PyTorch computed in float64 for a small network and one batch. */
export interface TorchReference {
  readonly plan: LayerPlan;
  /** Train form. */
  readonly state: StateDict;
  readonly images: Images;
  /** One class an image. */
  readonly labels: readonly number[];
  /** `[N, numClasses]`, row-major, with running statistics. */
  readonly evalLogits: readonly number[];
  /** With the statistics of the batch. */
  readonly trainLogits: readonly number[];
  /** Of each auxiliary classifier, with the statistics of the batch. */
  readonly auxiliaryLogits: readonly (readonly number[])[];
  /** What the loss adds of the cross-entropy at each `auxiliaryLogits` to that at `trainLogits`. */
  readonly auxiliaryWeight: number;
  /** Of the loss, by parameter name; rounded to float32. */
  readonly gradients: ReadonlyMap<string, NdArray>;
  readonly sgd: Omit<SgdStep, "nesterov">;
  /** Loss before each of five steps on the batch, without Nesterov's momentum. */
  readonly losses: readonly number[];
  readonly nesterovLosses: readonly number[];
  /** The state after the steps without Nesterov's momentum; rounded to float32. */
  readonly stateAfter: StateDict;
  /** The five steps with the authors' custom L2 penalty: losses without it, and the kernels of the branches after them. */
  readonly customL2: { readonly weight: number; readonly losses: readonly number[]; readonly kernelsAfter: StateDict };
}

interface Packed {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly data: string;
}

/**
 * PyTorch's answers, made by packages/core/src/nn/fixtures/make_torch_reference.py.
 *
 * @param name `plain`: neither groups nor squeeze-and-excitation. `grouped`: both. `plus`: squeeze-and-excitation after the ReLU
 *   and auxiliary heads.
 */
export function torchReference(name: "plain" | "grouped" | "plus"): TorchReference {
  const file = new URL(`../../packages/core/src/nn/fixtures/torch-${name}.json`, import.meta.url);
  const json = JSON.parse(readFileSync(file, "utf8"));
  const spec = parseSpec(json.spec);
  const plan = layerPlan(spec, json.inputSize);
  return {
    ...json,
    plan,
    state: unpack(json.state),
    images: { shape: [json.labels.length, ...json.inputSize, spec.inputChannels], data: floats(json.images) },
    gradients: unpack(json.gradients),
    stateAfter: unpack(json.stateAfter),
    customL2: { ...json.customL2, kernelsAfter: unpack(json.customL2.kernelsAfter) },
  };
}

function floats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function unpack({ shapes, data }: Packed): StateDict {
  const values = floats(data);
  let at = 0;
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const size = sizeOf(shape);
      at += size;
      return [name, { shape, data: values.slice(at - size, at) }];
    }),
  );
}
