import { concat, conv2d, getBackend, pad, split, type Tensor4D, tidy } from "@tensorflow/tfjs-core";

/** libtensorflow's convolution gradients know no explicit padding, so its images are padded beforehand. */
const PADS_BEFOREHAND: readonly string[] = ["tensorflow"];

export interface ConvolveOptions {
  readonly stride: number;
  readonly groups: number;
  /** Pad the images first, then convolve without padding. @default where the backend needs it */
  readonly padBeforehand?: boolean;
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
export function convolve(x: Tensor4D, kernel: Tensor4D, { stride, groups, padBeforehand }: ConvolveOptions): Tensor4D {
  const margin = (kernel.shape[0] - 1) / 2;
  const beforehand = margin > 0 && (padBeforehand ?? PADS_BEFOREHAND.includes(getBackend()));
  return tidy(() => {
    const none: [number, number] = [0, 0];
    const edges: [number, number] = [margin, margin];
    const image = beforehand ? pad(x, [none, edges, edges, none]) : x;
    const one = (input: Tensor4D, filter: Tensor4D) => conv2d(input, filter, stride, beforehand ? "valid" : margin);
    if (groups === 1) return one(image, kernel);
    // tfjs has no grouped convolution.
    const inputs = split<Tensor4D>(image, groups, 3);
    const filters = split<Tensor4D>(kernel, groups, 3);
    return concat(
      inputs.map((input, g) => one(input, filters[g]!)),
      3,
    );
  });
}
