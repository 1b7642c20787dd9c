import {
  backwardInputKernel,
  backwardSumsKernel,
  combineKernel,
  shiftedSumsKernel,
  sumsKernel,
} from "./batch-norm.kernel.ts";
import { ConstantTable } from "./constant-table.ts";
import { copyPanelRowsKernel, gatherKernel, scaleKernel, sgdKernel, transposeKernel } from "./elementwise.kernel.ts";
import { gateInputGradientKernel, gateKernel, gateSumsKernel } from "./gate.kernel.ts";
import { gemmKernel } from "./gemm.kernel.ts";
import { MEMORY_MAP } from "./memory-map.ts";
import { outerProductKernel, outerProductStridedKernel } from "./outer-product.kernel.ts";
import type { Variant } from "./variant.ts";
import { type Kernel, range } from "./wasm-builder.ts";
import {
  WEIGHT_PARTS,
  winogradGradientKernel,
  winogradInputKernel,
  winogradKernelGradientKernel,
  winogradOutputKernel,
  winogradWeightsKernel,
} from "./winograd.kernel.ts";

/** All kernels of a variant, and the address of the float −∞. */
export function buildKernels(variant: Variant): { kernels: Kernel[]; minusInfinity: number } {
  const { constants: start, constantsEnd } = MEMORY_MAP;
  const constants = new ConstantTable(start, constantsEnd - start);
  const minusInfinity = constants.addressOf(Number.NEGATIVE_INFINITY);
  const rows = range(variant.rows).map((i) => i + 1);
  // Winograd's kernel gradients have whole panels of channels, in blocks of nearly equal height.
  const fewest = Math.floor(16 / Math.ceil(16 / variant.rows));
  const kernels = [
    ...rows.flatMap((n) => [
      gemmKernel(variant, n, false),
      gemmKernel(variant, n, true),
      outerProductKernel(variant, n),
    ]),
    ...rows.filter((n) => n >= fewest).map((n) => outerProductStridedKernel(variant, n)),
    winogradInputKernel(variant, constants),
    winogradGradientKernel(variant, constants),
    winogradOutputKernel(variant, constants, false),
    winogradOutputKernel(variant, constants, true),
    ...range(WEIGHT_PARTS).map((part) => winogradWeightsKernel(variant, constants, part)),
    winogradKernelGradientKernel(variant, constants),
    shiftedSumsKernel(variant),
    sumsKernel(),
    combineKernel(variant, 2),
    combineKernel(variant, 3),
    backwardSumsKernel(variant, 2),
    backwardSumsKernel(variant, 3),
    backwardInputKernel(variant, 2),
    backwardInputKernel(variant, 3),
    gateKernel(),
    gateSumsKernel(variant),
    gateInputGradientKernel(variant),
    gatherKernel(),
    copyPanelRowsKernel(constants),
    scaleKernel(),
    transposeKernel(),
    sgdKernel(variant, false),
    sgdKernel(variant, true),
  ];
  return { kernels: [...kernels, constants.initKernel()], minusInfinity };
}
