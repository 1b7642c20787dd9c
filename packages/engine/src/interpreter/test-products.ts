import type { Meanings } from "./test-memory.ts";

/** Products and what prepares them. */
export const productMeanings: Meanings<"padInput" | "convolve" | "transposeWeights" | "kernelGradient"> = {
  padInput(memory, a, units) {
    for (let line = 0; line < units; line++) {
      const target = a.target + Math.floor(line / a.height) * a.imageBytes + (line % a.height) * a.rowBytes;
      const source = (a.source + line * a.lineBytes) / 4;
      memory.floats.copyWithin(target / 4, source, source + a.lineBytes / 4);
    }
  },

  convolve(memory, a) {
    const K = a.runs * a.runFloats;
    for (let i = 0; i < a.rows; i++) {
      const from = a.input + memory.words[a.inputTable / 4 + i]!;
      for (let o = 0; o < a.panels * 16; o++) {
        const start = from + Math.floor((o >> 4) / a.panelsPerGroup) * a.groupBytes;
        let sum = a.accumulate ? 0 : memory.floats[a.bias / 4 + o]!;
        for (let k = 0; k < K; k++) {
          const run = memory.words[a.runTable / 4 + Math.floor(k / a.runFloats)]!;
          const x = memory.floats[(start + run) / 4 + (k % a.runFloats)]!;
          sum += x * memory.floats[a.weights / 4 + ((o >> 4) * K + k) * 16 + (o & 15)]!;
        }
        const out = (a.output + memory.words[a.outputTable / 4 + i]!) / 4 + o;
        if (a.accumulate) sum += memory.floats[out]!;
        memory.floats[out] = a.relu ? Math.max(0, sum) : sum;
      }
    }
  },

  transposeWeights(memory, a, units) {
    for (let c = 0; c < units * 16; c++) {
      const group = Math.floor((c >> 4) / a.panelsPerGroup);
      const inGroup = c - group * a.panelsPerGroup * 16;
      for (let n = 0; n < a.outputChannels; n++) {
        for (let i = 0; i < a.tapCount; i++) {
          const tap = memory.words[a.taps / 4 + i]!;
          const panel = group * (a.outputChannels >> 4) + (n >> 4);
          const from = a.source + panel * a.panelBytes + inGroup * a.channelBytes + tap * a.tapBytes + (n & 15) * 4;
          const to = a.target + (c >> 4) * a.targetPanelBytes + n * a.targetChannelBytes + i * a.targetTapBytes;
          memory.floats[to / 4 + (c & 15)] = memory.floats[from / 4]!;
        }
      }
    }
  },

  kernelGradient(memory, a) {
    const K = a.runs * a.runFloats;
    for (let o = 0; o < a.panels * 16; o++) {
      for (let k = 0; k < K; k++) {
        const run = memory.words[a.runTable / 4 + Math.floor(k / a.runFloats)]!;
        const group = Math.floor((o >> 4) / a.panelsPerGroup);
        const element = a.input + group * a.groupBytes + run + (k % a.runFloats) * 4;
        let sum = 0;
        for (let i = 0; i < a.rows; i++) {
          const x = memory.floats[(element + memory.words[a.inputTable / 4 + i]!) / 4]!;
          sum += x * memory.floats[(a.gradient + memory.words[a.gradientTable / 4 + i]!) / 4 + o]!;
        }
        memory.floats[a.target / 4 + ((o >> 4) * K + k) * 16 + (o & 15)] = sum;
      }
    }
  },
};
