import { concat, conv2d, split, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import { networkKernels } from "./network-kernels.ts";

export interface ConvolveOptions {
  readonly stride: number;
  readonly groups: number;
}

/**
 * Convolution with PyTorch's padding `(k − 1) / 2`, in groups.
 *
 * Not "same": at stride 2 on an even size it would centre a 3×3 and a 1×1 kernel on different pixels.
 *
 * @param x `[N, H, W, I]`; borrowed.
 * @param kernel `[k, k, I/groups, O]`; borrowed.
 * @returns `[N, ⌈H/stride⌉, ⌈W/stride⌉, O]`; the caller owns it.
 */
export function convolve(x: Tensor4D, kernel: Tensor4D, options: ConvolveOptions): Tensor4D {
  const own = networkKernels().convolve;
  if (own) return own(x, kernel, options);
  const { stride, groups } = options;
  const margin = (kernel.shape[0] - 1) / 2;
  const one = (input: Tensor4D, filter: Tensor4D) => conv2d(input, filter, stride, margin);
  if (groups === 1) return one(x, kernel);
  return tidy(() => {
    // tfjs has no grouped convolution. A dense kernel with zeros takes g times the work, and was slower: docs/devices, "Groups".
    const inputs = split<Tensor4D>(x, groups, 3);
    const filters = split<Tensor4D>(kernel, groups, 3);
    return concat(
      inputs.map((input, g) => one(input, filters[g]!)),
      3,
    );
  });
}
