import type { OperationArguments, OperationName } from "./operations.ts";

/** How the Winograd operations divide their work, which their scratch follows from. The build tells the WebAssembly. */
export const WINOGRAD = {
  /** What a tile transform keeps between its two passes: 6 × 6 pairs of vectors. */
  tileScratchBytes: 36 * 32,
  /** Between planes, as equal distances of whole pages would share cache sets. */
  planeGapBytes: 64,
  /** Planes of the kernel that are made at a time when it is transformed on the way. */
  kernelPlanes: 12,
  /** Panels whose products are kept until the way back, so that a plane of the input is read once for them. */
  panelGroup: 3,
  /** Input channels and panels of output channels whose sums of products a kernel gradient keeps. */
  gradientInputs: 48,
  gradientPanels: 3,
} as const;

/** Panels whose gradients a kernel gradient gathers at a time. */
export const GATHERED_PANELS = 2;

const PLANES = 36;
const PANEL_BYTES = 64;
const table = (rows: number) => Math.ceil((rows * 4) / 64) * 64;

/** As `assembly/winograd.ts` lays it out: tile rows, two tables, products, a panel's kernels, and the thread's own planes. */
function winogradScratch(args: OperationArguments<"winograd">): number {
  const { tileScratchBytes, planeGapBytes, kernelPlanes, panelGroup } = WINOGRAD;
  const chunk = Math.min(args.chunk, args.tiles);
  const group = args.transformed ? Math.min(panelGroup, args.outputChannels / 16) : 1;
  const products = PLANES * (chunk * group * PANEL_BYTES + planeGapBytes);
  const kernels = args.transformed ? 0 : kernelPlanes * (args.groupChannels * PANEL_BYTES + planeGapBytes);
  const planes = args.planes ? 0 : PLANES * args.planeBytes;
  return tileScratchBytes + 2 * table(chunk) + products + kernels + planes;
}

function kernelGradientScratch({
  groupChannels,
  panelsPerGroup,
}: OperationArguments<"winogradKernelGradient">): number {
  const { tileScratchBytes, planeGapBytes, gradientInputs, gradientPanels } = WINOGRAD;
  const panels = Math.min(gradientPanels, panelsPerGroup);
  return tileScratchBytes + PLANES * (panels * Math.min(gradientInputs, groupChannels) * PANEL_BYTES + planeGapBytes);
}

const gatherScratch = ({ chunk, rows, panels }: OperationArguments<"kernelGradient">) =>
  Math.min(GATHERED_PANELS, panels) * Math.min(chunk, rows) * PANEL_BYTES;

/** Bytes of scratch that each thread needs for a call, on a cache line: 0 for most operations. */
export function scratchBytes<Name extends OperationName>(operation: Name, args: OperationArguments<Name>): number {
  switch (operation) {
    case "winogradInput":
    case "winogradGradient":
      return WINOGRAD.tileScratchBytes;
    case "winograd":
      return winogradScratch(args as OperationArguments<"winograd">);
    case "winogradKernelGradient":
      return kernelGradientScratch(args as OperationArguments<"winogradKernelGradient">);
    case "kernelGradient":
      return gatherScratch(args as OperationArguments<"kernelGradient">);
    default:
      return 0;
  }
}
