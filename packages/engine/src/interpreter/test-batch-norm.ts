import type { OperationArguments } from "../operations.ts";
import type { InterpretedMemory, Meanings } from "./test-memory.ts";

/** Batch normalization of up to three branches, and their sum. */
export const batchNormMeanings: Meanings<
  | "batchNormSums"
  | "batchNormForward"
  | "batchNormInference"
  | "combine"
  | "batchNormBackwardSums"
  | "batchNormBackward"
  | "batchNormBackwardInput"
> = {
  batchNormSums(memory, a) {
    for (let part = 0; part < a.parts; part++) {
      for (let c = 0; c < a.channels; c++) {
        let [sum, squares] = [0, 0];
        for (const pixel of pixels(a, a.x, part)) {
          const value = memory.floats[pixel / 4 + c]! - memory.floats[a.x / 4 + c]!;
          sum += value;
          squares += value * value;
        }
        memory.vector(a.sums)[part * 2 * a.channels + c] = sum;
        memory.vector(a.sums)[(part * 2 + 1) * a.channels + c] = squares;
      }
    }
  },

  batchNormForward(memory, a) {
    const [count, momentum, epsilon] = [memory.bits(a.count), memory.bits(a.momentum), memory.bits(a.epsilon)];
    for (let c = 0; c < a.channels; c++) {
      let [sum, squares] = [0, 0];
      for (let part = 0; part < a.parts; part++) {
        sum += memory.vector(a.sums)[part * 2 * a.channels + c]!;
        squares += memory.vector(a.sums)[(part * 2 + 1) * a.channels + c]!;
      }
      const mean = memory.floats[a.x / 4 + c]! + sum / count;
      const variance = Math.max(0, squares / count - (sum / count) ** 2);
      const running = [memory.vector(a.runningMean), memory.vector(a.runningVar)] as const;
      running[0][c] = running[0][c]! * (1 - momentum) + momentum * mean;
      running[1][c] = running[1][c]! * (1 - momentum) + (momentum * variance * count) / (count - 1);
      memory.vector(a.mean)[c] = mean;
      memory.vector(a.invStd)[c] = 1 / Math.sqrt(variance + epsilon);
      scaleAndBias(memory, a, c, mean, variance + epsilon);
    }
  },

  batchNormInference(memory, a, units) {
    for (let c = 0; c < units * 16; c++) {
      const variance = memory.vector(a.runningVar)[c]! + memory.bits(a.epsilon);
      scaleAndBias(memory, a, c, memory.vector(a.runningMean)[c]!, variance);
    }
  },

  combine(memory, a, units) {
    for (let line = 0; line < units; line++) {
      const offset = Math.floor(line / a.height);
      const dense = line * a.width * a.channels;
      const y = (a.y + offset * a.imageBytes + (line % a.height) * a.rowBytes) / 4;
      const x2 = (a.x2 + offset * a.x2ImageBytes + (line % a.height) * a.x2RowBytes) / 4;
      for (let i = 0; i < a.width * a.channels; i++) {
        const c = i % a.channels;
        let sum = memory.vector(a.bias)[c]!;
        sum += memory.vector(a.x0)[dense + i]! * memory.vector(a.scale0)[c]!;
        sum += memory.vector(a.x1)[dense + i]! * memory.vector(a.scale1)[c]!;
        if (a.x2) sum += memory.floats[x2 + i]! * memory.vector(a.scale2)[c]!;
        memory.floats[y + i] = a.relu ? Math.max(0, sum) : sum;
      }
    }
  },

  batchNormBackwardSums(memory, a) {
    const means = [a.mean0, a.mean1, a.mean2];
    for (let part = 0; part < a.parts; part++) {
      const lines = lineRange(a, part);
      for (let c = 0; c < a.channels; c++) {
        const sums = [0, 0, 0, 0];
        for (let p = lines[0] * a.width; p < lines[1] * a.width; p++) {
          const { g, x } = backwardPixel(memory, a, p, c);
          sums[0]! += g;
          x.forEach((value, i) => {
            sums[i + 1]! += g * (value - memory.vector(means[i]!)[c]!);
          });
        }
        sums.slice(0, a.x2 ? 4 : 3).forEach((sum, i) => {
          memory.vector(a.sums)[(part * 4 + i) * a.channels + c] = sum;
        });
      }
    }
  },

  batchNormBackward(memory, a) {
    const count = memory.bits(a.count);
    for (let c = 0; c < a.channels; c++) {
      let [sum, product] = [0, 0];
      for (let part = 0; part < a.parts; part++) {
        sum += memory.vector(a.sums)[part * 4 * a.channels + c]!;
        product += memory.vector(a.sums)[(part * 4 + 1 + a.branch) * a.channels + c]!;
      }
      const [gamma, mean, invStd] = [
        memory.vector(a.gamma)[c]!,
        memory.vector(a.mean)[c]!,
        memory.vector(a.invStd)[c]!,
      ];
      const u = gamma * invStd;
      const v = (-gamma * invStd * invStd * invStd * product) / count;
      memory.vector(a.gammaGradient)[c] = product * invStd;
      memory.vector(a.betaGradient)[c] = sum;
      const coefficients = memory.vector(a.coefficients);
      coefficients[c] = u;
      coefficients[a.channels + c] = v;
      coefficients[2 * a.channels + c] = (-u * sum) / count - v * mean;
    }
  },

  batchNormBackwardInput(memory, a, units) {
    const coefficients = [a.coefficients0, a.coefficients1, a.coefficients2].map((address) => memory.vector(address));
    for (let p = 0; p < units * a.width; p++) {
      for (let c = 0; c < a.channels; c++) {
        const { g, x, dense, image, row, column } = backwardPixel(memory, a, p, c);
        const d = x.map((value, i) => {
          const [u, v, w] = [0, 1, 2].map((k) => coefficients[i]![k * a.channels + c]!);
          return g * u! + value * v! + w!;
        });
        memory.floats[(a.d0 + image * a.d0ImageBytes + row * a.d0RowBytes) / 4 + column * a.channels + c] = d[0]!;
        memory.vector(a.d1)[dense] = d[1]!;
        if (a.x2) memory.vector(a.d2)[dense] = d[2]!;
      }
    }
  },
};

function scaleAndBias(
  memory: InterpretedMemory,
  a: Pick<OperationArguments<"batchNormForward">, "gamma" | "beta" | "scale" | "bias" | "accumulateBias">,
  c: number,
  mean: number,
  variance: number,
): void {
  const scale = memory.vector(a.gamma)[c]! / Math.sqrt(variance);
  const before = a.accumulateBias ? memory.vector(a.bias)[c]! : 0;
  memory.vector(a.scale)[c] = scale;
  memory.vector(a.bias)[c] = before + memory.vector(a.beta)[c]! - mean * scale;
}

function backwardPixel(
  memory: InterpretedMemory,
  a: Omit<OperationArguments<"batchNormBackwardSums">, "mean0" | "mean1" | "mean2" | "lines" | "parts" | "sums">,
  p: number,
  c: number,
) {
  const [line, column] = [Math.floor(p / a.width), p % a.width];
  const [image, row] = [Math.floor(line / a.height), line % a.height];
  const inImage = (address: number, imageBytes: number, rowBytes: number) =>
    memory.floats[(address + image * imageBytes + row * rowBytes) / 4 + column * a.channels + c]!;
  const dense = p * a.channels + c;
  const g = inImage(a.y, a.imageBytes, a.rowBytes) > 0 ? memory.vector(a.dy)[dense]! : 0;
  const x = [memory.vector(a.x0)[dense]!, memory.vector(a.x1)[dense]!];
  if (a.x2) x.push(inImage(a.x2, a.x2ImageBytes, a.x2RowBytes));
  return { g, x, dense, image, row, column };
}

interface Lines {
  readonly lines: number;
  readonly parts: number;
}

const lineRange = ({ lines, parts }: Lines, part: number) =>
  [Math.floor((lines * part) / parts), Math.floor((lines * (part + 1)) / parts)] as const;

/** Addresses of the pixels of one part. */
function* pixels(a: OperationArguments<"batchNormSums">, base: number, part: number): Generator<number> {
  const [first, end] = lineRange(a, part);
  for (let line = first; line < end; line++) {
    const row = base + Math.floor(line / a.height) * a.imageBytes + (line % a.height) * a.rowBytes;
    for (let x = 0; x < a.width; x++) yield row + x * a.channels * 4;
  }
}
