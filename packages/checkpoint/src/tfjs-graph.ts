import {
  BATCH_NORM,
  type BlockPlan,
  type Form,
  type Forms,
  formOfBlock,
  type LayerPlan,
  squeezePrefix,
} from "@repvgg/core";

/** A layer as TensorFlow.js keeps it in model.json. */
export interface TfjsLayer {
  readonly class_name: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Names of the layers that it takes, as `[[name, 0, 0, {}], …]`; none for the input. */
  readonly inbound_nodes: readonly (readonly (readonly [string, 0, 0, object])[])[];
}

/** A weight of a layer, and the state's entry that it is. */
export interface TfjsWeight {
  /** `stage0.rbr_reparam/kernel`, `stage0.rbr_dense.bn/moving_mean` */
  readonly name: string;
  readonly entry: string;
  /** In the file: `[kh, kw, in, out]`, `[in, out]`, or `[out]`. */
  readonly shape: readonly number[];
  /** Of the convolution; the file has a kernel for all channels, with zeros between the groups. */
  readonly groups: number;
}

export interface TfjsGraph {
  readonly layers: readonly TfjsLayer[];
  readonly weights: readonly TfjsWeight[];
}

export const TFJS_INPUT = "input";
const CLASSIFIER = "linear";

/**
 * A network as standard layers of TensorFlow.js.
 *
 * At stride 2 the padding is a layer of its own: TensorFlow's "same" puts the windows of even sizes elsewhere than PyTorch does.
 * There are no grouped convolutions among the standard layers, so groups become one kernel with zeros between them.
 *
 * @param forms Of all blocks, or of each.
 * @param imageSize Height and width that the input is fixed to; undefined: any.
 */
export function tfjsGraph(
  plan: LayerPlan,
  forms: Forms,
  imageSize?: readonly [height: number, width: number],
): TfjsGraph {
  const graph = new Graph();
  const shape = [null, ...(imageSize ?? [null, null]), plan.spec.inputChannels];
  let x = graph.add("InputLayer", TFJS_INPUT, { batch_input_shape: shape, dtype: "float32", sparse: false });
  for (const block of plan.blocks) {
    x = addBlock(graph, block, formOfBlock(forms, block.index), squeezePrefix(plan.spec), x);
  }
  const { inFeatures, outFeatures } = plan.classifier;
  x = graph.add("GlobalAveragePooling2D", "gap", { data_format: "channels_last" }, x);
  graph.add("Dense", CLASSIFIER, { units: outFeatures, activation: "linear", use_bias: true }, x);
  graph.addWeights(CLASSIFIER, [inFeatures, outFeatures]);
  return graph;
}

/** What `tf.loadLayersModel` reads as the model's topology. */
export function tfjsTopology({ layers }: TfjsGraph): object {
  const config = {
    name: "repvgg",
    layers,
    input_layers: [[TFJS_INPUT, 0, 0]],
    output_layers: [[CLASSIFIER, 0, 0]],
  };
  return { class_name: "Model", config, keras_version: "tfjs-layers 4.22.0", backend: "tensor_flow.js" };
}

/** Weights of a BatchNormalization, and PyTorch's. */
const NORMALIZATION = [
  ["gamma", "weight"],
  ["beta", "bias"],
  ["moving_mean", "running_mean"],
  ["moving_variance", "running_var"],
] as const;

class Graph implements TfjsGraph {
  readonly layers: TfjsLayer[] = [];
  readonly weights: TfjsWeight[] = [];

  add(type: string, name: string, config: TfjsLayer["config"], ...inputs: readonly string[]): string {
    const nodes = inputs.map((input) => [input, 0, 0, {}] as const);
    this.layers.push({
      class_name: type,
      name,
      config: { name, ...config },
      inbound_nodes: nodes.length > 0 ? [nodes] : [],
    });
    return name;
  }

  addWeights(layer: string, shape: readonly number[], groups = 1): void {
    this.addKernel(layer, shape, groups);
    this.weights.push({ name: `${layer}/bias`, entry: `${layer}.bias`, shape: [shape.at(-1)!], groups: 1 });
  }

  addKernel(layer: string, shape: readonly number[], groups: number): void {
    this.weights.push({ name: `${layer}/kernel`, entry: `${layer}.weight`, shape, groups });
  }

  convolution(
    name: string,
    x: string,
    of: { size: 1 | 3; channels: [number, number]; activation: string; stride?: 1 | 2; bias?: boolean },
  ): string {
    const { size, channels, activation, stride = 1, bias = true } = of;
    const config = {
      ...{ filters: channels[1], kernel_size: [size, size], strides: [stride, stride], dilation_rate: [1, 1] },
      ...{ padding: stride === 1 ? "same" : "valid", data_format: "channels_last", activation, use_bias: bias },
    };
    return this.add("Conv2D", name, config, x);
  }

  normalization(name: string, channels: number, x: string): string {
    for (const [weight, suffix] of NORMALIZATION) {
      this.weights.push({ name: `${name}/${weight}`, entry: `${name}.${suffix}`, shape: [channels], groups: 1 });
    }
    const { epsilon, momentum } = BATCH_NORM;
    // TensorFlow's momentum is the share that stays.
    const config = { axis: -1, momentum: 1 - momentum, epsilon, center: true, scale: true };
    return this.add("BatchNormalization", name, config, x);
  }
}

function addBlock(graph: Graph, block: BlockPlan, form: Form, squeeze: "se" | "post_se", x: string): string {
  const { name, outChannels, squeezeChannels } = block;
  const excite = (y: string) => addSqueeze(graph, `${name}.${squeeze}`, outChannels, squeezeChannels, y);
  const squeezes = squeezeChannels > 0 && squeeze;
  const isOneLayer = form === "deploy" && squeezes !== "se"; // the convolution has the ReLU in it
  let y = form === "deploy" ? addFused(graph, block, isOneLayer ? "relu" : "linear", x) : addBranches(graph, block, x);
  if (squeezes === "se") y = excite(y);
  if (!isOneLayer) y = graph.add("Activation", `${name}.nonlinearity`, { activation: "relu" }, y);
  return squeezes === "post_se" ? excite(y) : y;
}

function addFused(graph: Graph, block: BlockPlan, activation: string, x: string): string {
  const { name, inChannels, outChannels, stride, groups } = block;
  const layer = `${name}.rbr_reparam`;
  const channels: [number, number] = [inChannels, outChannels];
  const y = graph.convolution(layer, addPadding(graph, block, x), { size: 3, channels, activation, stride });
  graph.addWeights(layer, [3, 3, inChannels, outChannels], groups);
  return y;
}

function addBranches(graph: Graph, block: BlockPlan, x: string): string {
  const { name, inChannels, outChannels, stride, groups, identity } = block;
  const channels: [number, number] = [inChannels, outChannels];
  const branch = (prefix: string, size: 1 | 3, input: string) => {
    const layer = `${prefix}.conv`;
    const y = graph.convolution(layer, input, { size, channels, activation: "linear", stride, bias: false });
    graph.addKernel(layer, [size, size, inChannels, outChannels], groups);
    return graph.normalization(`${prefix}.bn`, outChannels, y);
  };
  const branches = [
    branch(`${name}.rbr_dense`, 3, addPadding(graph, block, x)),
    branch(`${name}.rbr_1x1`, 1, x),
    ...(identity ? [graph.normalization(`${name}.rbr_identity`, outChannels, x)] : []),
  ];
  return graph.add("Add", `${name}.add`, {}, ...branches);
}

/** The border of a 3×3 convolution, where "same" would put it elsewhere than PyTorch does. */
function addPadding(graph: Graph, { name, stride }: BlockPlan, x: string): string {
  const border = [1, 1];
  const config = { padding: [border, border], data_format: "channels_last" };
  return stride === 1 ? x : graph.add("ZeroPadding2D", `${name}.padding`, config, x);
}

/** `x · sigmoid(up(relu(down(pool(x)))))`. */
function addSqueeze(graph: Graph, name: string, channels: number, squeezed: number, x: string): string {
  const pooled = graph.add("GlobalAveragePooling2D", `${name}.pool`, { data_format: "channels_last" }, x);
  const pixel = graph.add("Reshape", `${name}.reshape`, { target_shape: [1, 1, channels] }, pooled);
  const down = graph.convolution(`${name}.down`, pixel, {
    size: 1,
    channels: [channels, squeezed],
    activation: "relu",
  });
  graph.addWeights(`${name}.down`, [1, 1, channels, squeezed]);
  const up = graph.convolution(`${name}.up`, down, { size: 1, channels: [squeezed, channels], activation: "sigmoid" });
  graph.addWeights(`${name}.up`, [1, 1, squeezed, channels]);
  return graph.add("Multiply", `${name}.mul`, {}, x, up);
}
