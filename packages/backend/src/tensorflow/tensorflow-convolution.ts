import {
  concat,
  customGrad,
  ones,
  pad,
  type Rank,
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

/**
 * Convolution with PyTorch's padding `(k − 1) / 2`, in groups, by TensorFlow's operations.
 *
 * - Stride 1 pads as "SAME", which there is PyTorch's. At stride 2 TensorFlow's gradients know no explicit padding: going
 *   backward, the images are padded beforehand.
 * - The kernel's gradient of a 1×1 at stride 2 is taken at stride 1 from the pixels that the kernel meets. TensorFlow's own
 *   corrupts the heap (through oneDNN) where fewer than 16 channels go in, as they do in a RepVGG's stem.
 * - Gradients of grouped convolutions exist on CPUs with oneDNN only. Where they do not, the groups are split for them.
 *
 * @param x `[N, H, W, I]`; borrowed, as `kernel` `[k, k, I/groups, O]` is.
 * @returns `[N, ⌈H/stride⌉, ⌈W/stride⌉, O]`; the caller owns it.
 */
export function tensorflowConvolution(
  x: Tensor4D,
  kernel: Tensor4D,
  { stride, groups }: { readonly stride: number; readonly groups: number },
): Tensor4D {
  const margin = (kernel.shape[0] - 1) / 2;
  const op = customGrad<Tensor4D>((...inputs) => {
    const [x, kernel, save] = inputs as [Tensor4D, Tensor4D, (tensors: Tensor[]) => void];
    save([x, kernel]);
    const padding = margin === 0 ? "VALID" : stride === 1 ? "SAME" : "EXPLICIT";
    return {
      value: run("Conv2D", { stride, padding, margin }, [x, kernel]),
      gradFunc: (dy: Tensor4D, saved: Tensor[]) =>
        gradients(saved as [Tensor4D, Tensor4D], dy, { stride, groups, margin }),
    };
  });
  return op(x, kernel);
}

interface Geometry {
  readonly stride: number;
  readonly groups: number;
  readonly margin: number;
}

/** The gradients at the images and at the kernel. */
function gradients([x, kernel]: [Tensor4D, Tensor4D], dy: Tensor4D, { stride, groups, margin }: Geometry): Tensor4D[] {
  const padded = stride > 1 && margin > 0;
  const image = padded ? pad(x, borders(margin)) : x;
  const padding: Padding = margin > 0 && !padded ? "SAME" : "VALID";
  const whole = groups === 1 || hasGroupedGradients();
  const dx = whole
    ? imageGradient(image.shape, kernel, dy, { stride, padding })
    : byGroup(groups, [kernel, dy], (kernel, dy) =>
        imageGradient([...image.shape.slice(0, 3), image.shape[3] / groups], kernel, dy, { stride, padding }),
      );
  const [met, metStride] = stride > 1 && margin === 0 ? [everySecond(image, stride), 1] : [image, stride];
  const options = { stride: metStride, padding };
  const dk = whole
    ? kernelGradient(met, kernel.shape, dy, options)
    : byGroup(groups, [met, dy], (met, dy) =>
        kernelGradient(met, [...kernel.shape.slice(0, 3), kernel.shape[3] / groups], dy, options),
      );
  return [padded ? slice(dx, [0, margin, margin, 0], x.shape) : dx, dk] as Tensor4D[];
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
