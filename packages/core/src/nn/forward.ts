import {
  add,
  addN,
  batchNorm4d,
  matMul,
  mean,
  mul,
  relu,
  sigmoid,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import type { AuxiliaryPlan, BlockPlan, LayerPlan } from "../layer-plan.ts";
import { BATCH_NORM, type Outputs } from "../network.ts";
import { type Forms, formOfBlock } from "../spec.ts";
import { squeezePrefix } from "../state-layout.ts";
import { convolve } from "./convolve.ts";
import { networkKernels } from "./network-kernels.ts";

/** The parameter of that PyTorch name, borrowed. */
export type Parameter = <T extends Tensor>(name: string) => T;

/** Normalizes `x` with the batch normalization of that prefix: by running statistics, or by those of the batch. */
export type Normalize = (x: Tensor4D, prefix: string) => Tensor4D;

/** Normalization by running statistics. */
export function inferenceNormalize(parameter: Parameter): Normalize {
  const at = (prefix: string, suffix: string) => parameter<Tensor1D>(`${prefix}.${suffix}`);
  return (x, prefix) =>
    batchNorm4d(
      x,
      at(prefix, "running_mean"),
      at(prefix, "running_var"),
      at(prefix, "bias"),
      at(prefix, "weight"),
      BATCH_NORM.epsilon,
    );
}

export interface ForwardOptions {
  readonly form: Forms;
  /** Borrowed parameters. */
  readonly parameter: Parameter;
  readonly normalize: Normalize;
  /** Whether to compute the auxiliary logits too. */
  readonly auxiliary: boolean;
  /** Is shown the output of each block. */
  readonly onBlock?: (name: string, output: Tensor4D) => void;
}

/**
 * Outputs of a network. Tidies nothing: call it in `tidy` or under a gradient.
 *
 * @param images `[N, H, W, inputChannels]`; borrowed.
 */
export function forward(plan: LayerPlan, images: Tensor4D, options: ForwardOptions): Outputs<Tensor> {
  const { form, parameter, normalize, onBlock } = options;
  const { squeezeExcitation } = plan.spec;
  const features: Tensor4D[] = [];
  const auxiliary: Tensor2D[] = [];
  let x = images;
  for (const block of plan.blocks) {
    const prefix = `${block.name}.${squeezePrefix(plan.spec)}`;
    const excite = (y: Tensor4D) => squeezeAndExcite(y, parameter, prefix);
    const sum =
      formOfBlock(form, block.index) === "deploy"
        ? fusedConvolution(block, parameter, x)
        : branches(block, parameter, normalize, x);
    const active = activate(squeezeExcitation === "before-relu" && block.squeezeChannels > 0 ? excite(sum) : sum);
    x = squeezeExcitation === "after-relu" && block.squeezeChannels > 0 ? excite(active) : active;
    if (block.stage > 0) features[block.stage - 1] = x; // the last block of each stage stays
    onBlock?.(block.name, x);
    const head = options.auxiliary ? plan.auxiliary.find(({ after }) => after === block.index) : undefined;
    if (head) auxiliary.push(auxiliaryLogits(head, parameter, normalize, x));
  }
  return { logits: classify(x, parameter, "linear"), auxiliary, features };
}

/** Global average pooling and a linear layer. */
function classify(x: Tensor4D, parameter: Parameter, name: string): Tensor2D {
  const pooled = mean<Tensor2D>(x, [1, 2]); // [N, C]
  return add(matMul(pooled, parameter<Tensor2D>(`${name}.weight`)), parameter<Tensor1D>(`${name}.bias`));
}

function auxiliaryLogits({ name }: AuxiliaryPlan, parameter: Parameter, normalize: Normalize, x: Tensor4D): Tensor2D {
  const y = convolve(x, parameter(`${name}.0.conv.weight`), { stride: 2, groups: 1 });
  return classify(relu(normalize(y, `${name}.0.bn`)), parameter, `${name}.3`);
}

const activate = (x: Tensor4D): Tensor4D => networkKernels().relu?.(x) ?? relu(x);

function fusedConvolution(block: BlockPlan, parameter: Parameter, x: Tensor4D): Tensor4D {
  const { name } = block;
  const y = convolve(x, parameter(`${name}.rbr_reparam.weight`), block);
  return add(y, parameter<Tensor1D>(`${name}.rbr_reparam.bias`));
}

function branches(block: BlockPlan, parameter: Parameter, normalize: Normalize, x: Tensor4D): Tensor4D {
  const branch = (name: string) => {
    const prefix = `${block.name}.${name}`;
    return normalize(convolve(x, parameter(`${prefix}.conv.weight`), block), `${prefix}.bn`);
  };
  const sums = [branch("rbr_dense"), branch("rbr_1x1")];
  if (block.identity) sums.push(normalize(x, `${block.name}.rbr_identity`));
  return addN(sums);
}

/** `x · sigmoid(up(relu(down(pool(x)))))`. */
function squeezeAndExcite(x: Tensor4D, parameter: Parameter, prefix: string): Tensor4D {
  const pointwise = (y: Tensor4D, name: string) =>
    add<Tensor4D>(
      convolve(y, parameter(`${prefix}.${name}.weight`), { stride: 1, groups: 1 }),
      parameter<Tensor1D>(`${prefix}.${name}.bias`),
    );
  const pooled = mean<Tensor4D>(x, [1, 2], true); // [N, 1, 1, C]
  const squeezed = relu(pointwise(pooled, "down")); // [N, 1, 1, S]
  return mul(x, sigmoid(pointwise(squeezed, "up")));
}
