import type { OperationArguments } from "../operations.ts";
import type { Meanings } from "./test-memory.ts";

/**
 * Winograd as the direct convolution that it stands for, so that its planes stay empty: the kernel gradient of a Winograd block reads
 * the input and the gradient themselves, which the two transforms note down.
 */
export function winogradMeanings(): Meanings<
  "winogradInput" | "winogradWeights" | "winograd" | "winogradGradient" | "winogradKernelGradient"
> {
  const inputs = new Map<number, OperationArguments<"winogradInput">>();
  const gradients = new Map<number, OperationArguments<"winogradGradient">>();
  const raw = new Map<number, number>();
  return {
    winogradInput(_memory, a) {
      inputs.set(a.planes, a);
    },

    winogradWeights(_memory, a) {
      raw.set(a.target, a.weights);
    },

    winograd(memory, a) {
      if (a.transformInput && a.planes) inputs.set(a.planes, a);
      const weights = a.transformed ? raw.get(a.weights)! : a.weights;
      const images = a.tiles / a.tilesPerImage;
      for (let n = 0; n < images; n++) {
        for (let y = 0; y < a.height; y++) {
          for (let x = 0; x < a.width; x++) {
            const corner = a.input + n * a.imageBytes + y * a.rowBytes + x * a.channels * 4;
            const out = (a.output + n * a.outputImageBytes + y * a.outputRowBytes) / 4 + x * a.outputChannels;
            for (let o = 0; o < a.outputChannels; o++) {
              let sum = a.accumulate ? memory.floats[out + o]! : memory.floats[a.bias / 4 + o]!;
              const slice = Math.floor((o >> 4) / a.panelsPerGroup) * a.groupChannels;
              for (let tap = 0; tap < 9; tap++) {
                const pixel = corner / 4 + (Math.floor(tap / 3) * a.rowBytes) / 4 + (tap % 3) * a.channels;
                for (let c = 0; c < a.groupChannels; c++) {
                  const w = weights / 4 + (((o >> 4) * a.groupChannels + c) * 9 + tap) * 16 + (o & 15);
                  sum += memory.floats[pixel + slice + c]! * memory.floats[w]!;
                }
              }
              memory.floats[out + o] = a.relu ? Math.max(0, sum) : sum;
            }
          }
        }
      }
    },

    winogradGradient(_memory, a) {
      gradients.set(a.planes, a);
    },

    winogradKernelGradient(memory, a) {
      const x = inputs.get(a.planes)!;
      const d = gradients.get(a.gradientPlanes)!;
      const images = a.tiles / d.tilesPerImage;
      // The gradient is zero beyond the image, so whole tiles may be summed.
      const [height, width] = [(d.tilesPerImage / d.tilesX) * 4, d.tilesX * 4];
      for (let o = 0; o < a.outputChannels; o++) {
        const slice = Math.floor((o >> 4) / a.panelsPerGroup) * a.groupChannels;
        for (let c = 0; c < a.groupChannels; c++) {
          for (let tap = 0; tap < 9; tap++) {
            let sum = 0;
            for (let n = 0; n < images; n++) {
              for (let row = 0; row < height; row++) {
                const from = (x.input + n * x.imageBytes + (row + Math.floor(tap / 3)) * x.rowBytes) / 4;
                const by = (d.gradient + n * d.imageBytes + row * d.rowBytes) / 4;
                for (let column = 0; column < width; column++) {
                  const value = memory.floats[from + (column + (tap % 3)) * a.channels + slice + c]!;
                  sum += value * memory.floats[by + column * a.outputChannels + o]!;
                }
              }
            }
            memory.floats[a.target / 4 + (((o >> 4) * a.groupChannels + c) * 9 + tap) * 16 + (o & 15)] = sum;
          }
        }
      }
    },
  };
}
