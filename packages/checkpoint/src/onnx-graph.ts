import { BATCH_NORM, type BlockPlan, type Forms, formOfBlock, type LayerPlan, squeezePrefix } from "@repvgg/core";

/** A float is written and read as float32. */
export type OnnxAttribute =
  | { readonly name: string; readonly type: "float" | "int"; readonly value: number }
  | { readonly name: string; readonly type: "ints"; readonly value: readonly number[] };

/** One operation. Inputs and outputs are names of values; weights are named as in PyTorch. */
export interface OnnxNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: readonly OnnxAttribute[];
}

export const ONNX_INPUT = "input";
export const ONNX_OUTPUT = "logits";

/**
 * The operations of a network in inference mode, in the order in which they run.
 *
 * @param forms Of all blocks, or of each.
 * @see https://onnx.ai/onnx/operators for the operators, all of opset 17
 */
export function onnxGraph(plan: LayerPlan, forms: Forms): OnnxNode[] {
  const nodes: OnnxNode[] = [];
  const add: AddNode = (name, operator, inputs, attributes = []) => {
    const output = name === CLASSIFIER ? ONNX_OUTPUT : `${name}.output`;
    nodes.push({ name, operator, inputs, output, attributes });
    return output;
  };
  let x = ONNX_INPUT;
  for (const block of plan.blocks) {
    const { name, squeezeChannels } = block;
    const prefix = squeezeChannels > 0 ? squeezePrefix(plan.spec) : undefined;
    const isFused = formOfBlock(forms, block.index) === "deploy";
    x = isFused ? convolution(add, block, "rbr_reparam", x, true) : branches(add, block, x);
    if (prefix === "se") x = squeeze(add, `${name}.se`, x);
    x = add(`${name}.nonlinearity`, "Relu", [x]);
    if (prefix === "post_se") x = squeeze(add, `${name}.post_se`, x);
  }
  x = add("gap", "GlobalAveragePool", [x]);
  x = add("flatten", "Flatten", [x], [{ name: "axis", type: "int", value: 1 }]);
  // PyTorch keeps the matrix as [out, in].
  const transposed: OnnxAttribute = { name: "transB", type: "int", value: 1 };
  add(CLASSIFIER, "Gemm", [x, `${CLASSIFIER}.weight`, `${CLASSIFIER}.bias`], [transposed]);
  return nodes;
}

const CLASSIFIER = "linear";

/** Appends an operation and gives the name of its output. */
type AddNode = (
  name: string,
  operator: string,
  inputs: readonly string[],
  attributes?: readonly OnnxAttribute[],
) => string;

function branches(add: AddNode, block: BlockPlan, x: string): string {
  const branch = (name: string) =>
    normalization(add, `${block.name}.${name}.bn`, convolution(add, block, `${name}.conv`, x, false));
  const sum = add(`${block.name}.add`, "Add", [branch("rbr_dense"), branch("rbr_1x1")]);
  if (!block.identity) return sum;
  return add(`${block.name}.add_identity`, "Add", [sum, normalization(add, `${block.name}.rbr_identity`, x)]);
}

function convolution(add: AddNode, block: BlockPlan, branch: string, x: string, bias: boolean): string {
  const name = `${block.name}.${branch}`;
  const size = branch.startsWith("rbr_1x1") ? 1 : 3;
  const inputs = [x, `${name}.weight`, ...(bias ? [`${name}.bias`] : [])];
  return add(name, "Conv", inputs, convAttributes(size, block.stride, block.groups));
}

function convAttributes(size: 1 | 3, stride: number, groups: number): OnnxAttribute[] {
  const padding = (size - 1) / 2;
  return [
    { name: "group", type: "int", value: groups },
    { name: "kernel_shape", type: "ints", value: [size, size] },
    { name: "pads", type: "ints", value: [padding, padding, padding, padding] },
    { name: "strides", type: "ints", value: [stride, stride] },
  ];
}

function normalization(add: AddNode, prefix: string, x: string): string {
  const parameters = ["weight", "bias", "running_mean", "running_var"].map((suffix) => `${prefix}.${suffix}`);
  const epsilon: OnnxAttribute = { name: "epsilon", type: "float", value: Math.fround(BATCH_NORM.epsilon) };
  return add(prefix, "BatchNormalization", [x, ...parameters], [epsilon]);
}

/** `x · sigmoid(up(relu(down(pool(x)))))`. */
function squeeze(add: AddNode, prefix: string, x: string): string {
  const pointwise = (name: string, y: string) =>
    add(
      `${prefix}.${name}`,
      "Conv",
      [y, `${prefix}.${name}.weight`, `${prefix}.${name}.bias`],
      convAttributes(1, 1, 1),
    );
  const pooled = add(`${prefix}.pool`, "GlobalAveragePool", [x]);
  const squeezed = add(`${prefix}.relu`, "Relu", [pointwise("down", pooled)]);
  return add(`${prefix}.mul`, "Mul", [x, add(`${prefix}.sigmoid`, "Sigmoid", [pointwise("up", squeezed)])]);
}
