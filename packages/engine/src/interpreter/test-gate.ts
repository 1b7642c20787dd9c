import type { Meanings } from "./test-memory.ts";

/** Squeeze-and-excitation. */
export const gateMeanings: Meanings<"sigmoid" | "gate" | "gateScaleGradient" | "gateInputGradient"> = {
  sigmoid(memory, a, units) {
    for (let i = 0; i < units * 16; i++) memory.vector(a.y)[i] = 1 / (1 + Math.exp(-memory.vector(a.x)[i]!));
  },

  gate(memory, a, units) {
    for (let line = 0; line < units; line++) {
      const [image, row] = [Math.floor(line / a.height), line % a.height];
      const x = (a.x + image * a.xImageBytes + row * a.xRowBytes) / 4;
      const y = (a.y + image * a.imageBytes + row * a.rowBytes) / 4;
      for (let i = 0; i < a.width * a.channels; i++) {
        const scale = memory.vector(a.scale)[image * a.channels + (i % a.channels)]!;
        memory.floats[y + i] = Math.max(0, memory.floats[x + i]!) * scale;
      }
    }
  },

  gateScaleGradient(memory, a, units) {
    const pixels = a.height * a.width;
    for (let i = 0; i < units * 16; i++) {
      const [image, c] = [Math.floor(i / a.channels), i % a.channels];
      let sum = 0;
      for (let p = 0; p < pixels; p++) {
        const row = a.x + image * a.imageBytes + Math.floor(p / a.width) * a.rowBytes;
        const x = memory.floats[row / 4 + (p % a.width) * a.channels + c]!;
        sum += memory.vector(a.dy)[(image * pixels + p) * a.channels + c]! * Math.max(0, x);
      }
      const scale = memory.vector(a.scale)[i]!;
      memory.vector(a.output)[i] = sum * scale * (1 - scale);
    }
  },

  gateInputGradient(memory, a, units) {
    const pixels = a.height * a.width;
    for (let i = 0; i < units * a.width * a.channels; i++) {
      const [p, c] = [Math.floor(i / a.channels), i % a.channels];
      const [image, inImage] = [Math.floor(p / pixels), p % pixels];
      const row = a.x + image * a.imageBytes + Math.floor(inImage / a.width) * a.rowBytes;
      const x = memory.floats[row / 4 + (inImage % a.width) * a.channels + c]!;
      const at = image * a.channels + c;
      const g = x > 0 ? memory.vector(a.dy)[i]! * memory.vector(a.scale)[at]! : 0;
      memory.vector(a.dy)[i] = g + memory.vector(a.pooled)[at]! / pixels;
    }
  },
};
