import {
  concat,
  engine,
  ones,
  pad,
  type Rank,
  registerGradient,
  registerKernel,
  slice,
  split,
  stridedSlice,
  type Tensor,
  type Tensor4D,
  tensor1d,
  tidy,
} from "@tensorflow/tfjs-core";
import { attributes, type OpAttribute, type TensorflowBinding, tensorflowBackend } from "./tensorflow-ops.ts";

type Padding = "SAME" | "VALID" | "EXPLICIT";

/** Of the kernel that {@link registerTensorflowConvolution} makes known to tfjs. */
const KERNEL = "RepvggConvolution";

interface Geometry {
  readonly stride: number;
  readonly groups: number;
}

/**
 * Convolution with PyTorch's padding `(k − 1) / 2`, in groups, by TensorFlow's operations, once
 * {@link registerTensorflowConvolution} was called.
 *
 * @param x `[N, H, W, I]`; borrowed, as `kernel` `[k, k, I/groups, O]` is.
 * @returns `[N, ⌈H/stride⌉, ⌈W/stride⌉, O]`; the caller owns it.
 */
export function tensorflowConvolution(x: Tensor4D, kernel: Tensor4D, { stride, groups }: Geometry): Tensor4D {
  return engine().runKernel(KERNEL, { x, kernel }, { stride, groups }) as Tensor4D;
}

/**
 * Makes the convolution and its gradients known to tfjs. Each gradient is computed only where it is asked for: that of the first
 * layer's images never is.
 *
 * - Stride 1 pads as "SAME", which there is PyTorch's. At stride 2 TensorFlow's gradients know no explicit padding: going
 *   backward, the images are padded beforehand.
 * - Gradients of grouped convolutions exist on CPUs with oneDNN only. Where they do not, the groups are split for them.
 */
export function registerTensorflowConvolution(): void {
  registerKernel({
    kernelName: KERNEL,
    backendName: "tensorflow",
    kernelFunc({ inputs, attrs }) {
      const { x, kernel } = inputs as { x: Tensor4D; kernel: Tensor4D };
      const { stride } = attrs as unknown as Geometry;
      const margin = marginOf(kernel);
      const padding = margin === 0 ? "VALID" : stride === 1 ? "SAME" : "EXPLICIT";
      return run("Conv2D", { stride, padding, margin }, [x, kernel]);
    },
  });
  registerGradient({
    kernelName: KERNEL,
    inputsToSave: ["x", "kernel"],
    gradFunc(dy, saved, attrs) {
      const [x, kernel] = saved as [Tensor4D, Tensor4D];
      const geometry = attrs as unknown as Geometry;
      return {
        x: () => gradientOfImages(x, kernel, dy as Tensor4D, geometry),
        kernel: () => gradientOfKernel(x, kernel, dy as Tensor4D, geometry),
      };
    },
  });
}

/** Pixels of padding at each edge. */
const marginOf = (kernel: Tensor4D): number => (kernel.shape[0] - 1) / 2;

const isWhole = (groups: number): boolean => groups === 1 || hasGroupedGradients();

function gradientOfImages(x: Tensor4D, kernel: Tensor4D, dy: Tensor4D, { stride, groups }: Geometry): Tensor4D {
  const margin = marginOf(kernel);
  const [n, height, width, channels] = x.shape;
  const border = stride > 1 ? margin : 0;
  const padding: Padding = margin > 0 && border === 0 ? "SAME" : "VALID";
  const shape = (channels: number) => [n, height + 2 * border, width + 2 * border, channels];
  const options = { stride, padding };
  const dx = isWhole(groups)
    ? imageGradient(shape(channels), kernel, dy, options)
    : byGroup(groups, [kernel, dy], (kernel, dy) => imageGradient(shape(channels / groups), kernel, dy, options));
  return border > 0 ? slice(dx, [0, border, border, 0], x.shape) : dx;
}

/** TensorFlow's own gradient of a kernel corrupts the heap (through oneDNN) where fewer channels go into a 1×1 of stride 2. */
const SAFE_CHANNELS = 16;

/** In a RepVGG, the stem: there the gradient is taken at stride 1, from the pixels that the kernel meets. */
function gradientOfKernel(x: Tensor4D, kernel: Tensor4D, dy: Tensor4D, { stride, groups }: Geometry): Tensor4D {
  const margin = marginOf(kernel);
  const unsafe = stride > 1 && margin === 0 && kernel.shape[2] < SAFE_CHANNELS;
  const padded = stride > 1 && margin > 0;
  const image = unsafe ? everySecond(x, stride) : padded ? pad(x, borders(margin)) : x;
  const options = { stride: unsafe ? 1 : stride, padding: margin > 0 && !padded ? "SAME" : "VALID" } as const;
  if (isWhole(groups)) return kernelGradient(image, kernel.shape, dy, options);
  const shape = [...kernel.shape.slice(0, 3), kernel.shape[3] / groups];
  return byGroup(groups, [image, dy], (image, dy) => kernelGradient(image, shape, dy, options));
}

const everySecond = (x: Tensor4D, stride: number): Tensor4D =>
  stridedSlice(x, [0, 0, 0, 0], x.shape, [1, stride, stride, 1]) as Tensor4D;

const borders = (margin: number): [number, number][] => [
  [0, 0],
  [margin, margin],
  [margin, margin],
  [0, 0],
];

/** Splits along the channels, and joins what comes of the parts. */
function byGroup(
  groups: number,
  tensors: [Tensor4D, Tensor4D],
  work: (a: Tensor4D, b: Tensor4D) => Tensor4D,
): Tensor4D {
  const [a, b] = tensors.map((tensor) => split(tensor, groups, 3) as Tensor4D[]) as [Tensor4D[], Tensor4D[]];
  return concat(
    a.map((part, g) => work(part, b[g]!)),
    3,
  ) as Tensor4D;
}

interface ConvolutionOptions {
  readonly stride: number;
  readonly padding: Padding;
  readonly margin?: number;
}

const imageGradient = (shape: number[], kernel: Tensor4D, dy: Tensor4D, options: ConvolutionOptions) =>
  run("Conv2DBackpropInput", options, [tensor1d(shape, "int32"), kernel, dy]);

const kernelGradient = (x: Tensor4D, shape: number[], dy: Tensor4D, options: ConvolutionOptions) =>
  run("Conv2DBackpropFilter", options, [x, tensor1d(shape, "int32"), dy]);

function run(name: string, options: ConvolutionOptions, inputs: Tensor[]): Tensor4D {
  const backend = tensorflowBackend();
  return backend.executeSingleOutput(name, convolutionAttributes(backend.binding, options), inputs) as Tensor4D;
}

function convolutionAttributes(
  binding: TensorflowBinding,
  { stride, padding, margin: m = 0 }: ConvolutionOptions,
): OpAttribute[] {
  const make = attributes(binding);
  return [
    make.type("T"),
    make.integers("strides", [1, stride, stride, 1]),
    make.string("padding", padding),
    ...(padding === "EXPLICIT" ? [make.integers("explicit_paddings", [0, 0, m, m, m, m, 0, 0])] : []),
    make.string("data_format", "NHWC"),
  ];
}

let grouped: boolean | undefined;

/** Tried once, on a tiny convolution. */
function hasGroupedGradients(): boolean {
  grouped ??= tidy(() => {
    try {
      const x = ones<Rank.R4>([1, 3, 3, 4]);
      const kernel = ones<Rank.R4>([1, 1, 2, 4]);
      const options = { stride: 1, padding: "VALID" } as const;
      kernelGradient(x, kernel.shape, x, options);
      imageGradient(x.shape, kernel, x, options);
      return true;
    } catch {
      return false;
    }
  });
  return grouped;
}
