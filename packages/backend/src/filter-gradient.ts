import {
  backend_util,
  Conv2DBackpropFilter,
  type Conv2DBackpropFilterAttrs,
  type KernelConfig,
  matMul,
  pad,
  reshape,
  stack,
  stridedSlice,
  type Tensor2D,
  type Tensor4D,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";

/**
 * The gradient of a convolution at its kernel, from operations that every tfjs backend has.
 *
 *     dK[ky, kx] = X(ky, kx)ᵀ · dY        X(ky, kx): the pixels that tap (ky, kx) of the kernel meets, [N·h·w, I]
 *
 * For backends that bring no `Conv2DBackpropFilter` of their own, tfjs's WebAssembly backend above all.
 *
 * @param x `[N, H, W, I]`; borrowed, as `dy` `[N, h, w, O]` is.
 * @returns `[k, k, I, O]`; the caller owns it.
 */
export function filterGradient(
  x: Tensor4D,
  dy: Tensor4D,
  { filterShape, strides, pad: padding, dimRoundingMode }: Omit<Conv2DBackpropFilterAttrs, "dataFormat">,
): Tensor4D {
  const info = backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, padding, dimRoundingMode);
  const { filterHeight, filterWidth, strideHeight, strideWidth, outHeight, outWidth, padInfo } = info;
  const [N, , , I] = x.shape;
  const { top, bottom, left, right } = padInfo;
  return tidy(() => {
    const image = pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const rows = reshape(dy, [-1, filterShape[3]]); // [N·h·w, O]
    const taps: Tensor2D[] = [];
    for (let ky = 0; ky < filterHeight; ky++) {
      for (let kx = 0; kx < filterWidth; kx++) {
        const end = [N, ky + (outHeight - 1) * strideHeight + 1, kx + (outWidth - 1) * strideWidth + 1, I];
        const met = stridedSlice(image, [0, ky, kx, 0], end, [1, strideHeight, strideWidth, 1]);
        taps.push(matMul(transpose(reshape(met, [-1, I])), rows)); // [I, O]
      }
    }
    return reshape(stack(taps), filterShape);
  });
}

/** {@link filterGradient} as the kernel of a tfjs backend. */
export function filterGradientKernel(backendName: string): KernelConfig {
  return {
    kernelName: Conv2DBackpropFilter,
    backendName,
    kernelFunc({ inputs, attrs }) {
      const { x, dy } = inputs as unknown as { x: Tensor4D; dy: Tensor4D };
      return filterGradient(x, dy, attrs as unknown as Conv2DBackpropFilterAttrs);
    },
  };
}
