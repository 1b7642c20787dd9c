import type { Meanings } from "./test-memory.ts";

/** Pools, sums and masks. */
export const elementwiseMeanings: Meanings<
  "arrangeRows" | "averagePool" | "averagePoolGradient" | "clearBetweenGroups" | "reluGradient" | "columnSums"
> = {
  arrangeRows(memory, a, units) {
    for (let piece = 0; piece < units; piece++) {
      const [first, length, begin] = [0, 1, 2].map((word) => memory.words[a.pieces / 4 + piece * 3 + word]!);
      for (let i = 0; i < a.rows; i++) {
        const [tap, input] = [Math.floor((a.firstRow + i) / a.inputs), (a.firstRow + i) % a.inputs];
        const row = memory.vector(a.source + i * a.rowBytes).subarray(first!, first! + length!);
        memory.vector(a.target + begin! * 4 + tap * a.tapBytes + input * a.inputBytes).set(row);
        if (!row.every(Number.isFinite)) memory.words[a.special / 4 + piece * 16] = -1;
      }
    }
  },

  averagePool(memory, a, units) {
    const images = (units * 16) / a.channels;
    for (let n = 0; n < images; n++) {
      for (let c = 0; c < a.channels; c++) {
        let sum = 0;
        for (let y = 0; y < a.height; y++) {
          for (let x = 0; x < a.width; x++) {
            sum += memory.floats[(a.input + n * a.imageBytes + y * a.rowBytes) / 4 + x * a.channels + c]!;
          }
        }
        memory.vector(a.output)[n * a.channels + c] = sum / (a.height * a.width);
      }
    }
  },

  averagePoolGradient(memory, a, units) {
    const pixelsPerImage = a.height * a.width;
    for (let i = 0; i < units * a.width * a.channels; i++) {
      const n = Math.floor(i / (pixelsPerImage * a.channels));
      memory.vector(a.output)[i] = memory.vector(a.gradient)[n * a.channels + (i % a.channels)]! / pixelsPerImage;
    }
  },

  clearBetweenGroups(memory, a, units) {
    for (let o = 0; o < units * 16; o++) {
      const own = Math.floor((o % (a.panelsPerGroup * 16)) / a.outputs);
      for (let c = 0; c < a.channels; c++) {
        if (Math.floor(c / a.inputs) === own) continue;
        for (let tap = 0; tap < a.tapCount; tap++) {
          const element = a.gradient + (o >> 4) * a.panelBytes + c * a.channelBytes + tap * a.tapBytes;
          memory.floats[element / 4 + (o & 15)] = 0;
        }
      }
    }
  },

  reluGradient(memory, a, units) {
    for (let i = 0; i < units * 16; i++) if (!(memory.vector(a.y)[i]! > 0)) memory.vector(a.gradient)[i] = 0;
  },

  columnSums(memory, a) {
    for (let c = 0; c < a.channels; c++) {
      let sum = 0;
      for (let row = 0; row < a.rows; row++) sum += memory.vector(a.input)[row * a.channels + c]!;
      memory.vector(a.output)[c] = sum;
    }
  },
};
