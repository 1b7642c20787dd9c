import type { MemoryPlan } from "./memory-plan.ts";
import type { OperationArguments, OperationName } from "./operations.ts";
import type { Program } from "./program.ts";

/**
 * The operations once more, slowly: plain loops, sums in float64. It says what each operation means, and lets tests tell a wrong
 * program from a wrong kernel. Winograd is interpreted as the direct convolution that it stands for, so its planes stay empty:
 * the kernel gradient of a Winograd block reads the input and the gradient themselves, which the two transforms note down.
 */
export class Interpreter {
  readonly floats: Float32Array;
  readonly words: Int32Array;
  readonly #inputs = new Map<number, OperationArguments<"winogradInput">>();
  readonly #gradients = new Map<number, OperationArguments<"winogradGradient">>();
  readonly #raw = new Map<number, number>();

  constructor(plan: MemoryPlan) {
    const buffer = new ArrayBuffer(Math.ceil(plan.bytes / 64) * 64);
    this.floats = new Float32Array(buffer);
    this.words = new Int32Array(buffer);
    for (const { address, content } of plan.constants) this.words.set(content(), address / 4);
  }

  run(program: Program): void {
    for (const { operation, units, args } of program.calls) {
      const run = this[operation] as (args: OperationArguments<OperationName>, units: number) => void;
      run.call(this, args as never, units);
    }
  }

  #vector(address: number): Float32Array {
    return this.floats.subarray(address / 4);
  }

  #bits(word: number): number {
    return new Float32Array(Int32Array.of(word).buffer)[0]!;
  }

  padInput(a: OperationArguments<"padInput">, units: number): void {
    for (let line = 0; line < units; line++) {
      const target = a.target + Math.floor(line / a.height) * a.imageBytes + (line % a.height) * a.rowBytes;
      const source = (a.source + line * a.lineBytes) / 4;
      this.floats.copyWithin(target / 4, source, source + a.lineBytes / 4);
    }
  }

  convolve(a: OperationArguments<"convolve">): void {
    const K = a.runs * a.runFloats;
    for (let i = 0; i < a.rows; i++) {
      const from = a.input + this.words[a.inputTable / 4 + i]!;
      for (let o = 0; o < a.panels * 16; o++) {
        const start = from + Math.floor((o >> 4) / a.panelsPerGroup) * a.groupBytes;
        let sum = a.accumulate ? 0 : this.floats[a.bias / 4 + o]!;
        for (let k = 0; k < K; k++) {
          const run = this.words[a.runTable / 4 + Math.floor(k / a.runFloats)]!;
          const x = this.floats[(start + run) / 4 + (k % a.runFloats)]!;
          sum += x * this.floats[a.weights / 4 + ((o >> 4) * K + k) * 16 + (o & 15)]!;
        }
        const out = (a.output + this.words[a.outputTable / 4 + i]!) / 4 + o;
        if (a.accumulate) sum += this.floats[out]!;
        this.floats[out] = a.relu ? Math.max(0, sum) : sum;
      }
    }
  }

  transposeWeights(a: OperationArguments<"transposeWeights">, units: number): void {
    for (let c = 0; c < units * 16; c++) {
      const group = Math.floor((c >> 4) / a.panelsPerGroup);
      const inGroup = c - group * a.panelsPerGroup * 16;
      for (let n = 0; n < a.outputChannels; n++) {
        for (let i = 0; i < a.tapCount; i++) {
          const tap = this.words[a.taps / 4 + i]!;
          const panel = group * (a.outputChannels >> 4) + (n >> 4);
          const from = a.source + panel * a.panelBytes + inGroup * a.channelBytes + tap * a.tapBytes + (n & 15) * 4;
          const to = a.target + (c >> 4) * a.targetPanelBytes + n * a.targetChannelBytes + i * a.targetTapBytes;
          this.floats[to / 4 + (c & 15)] = this.floats[from / 4]!;
        }
      }
    }
  }

  winogradInput(a: OperationArguments<"winogradInput">): void {
    this.#inputs.set(a.planes, a);
  }

  winogradWeights(a: OperationArguments<"winogradWeights">): void {
    this.#raw.set(a.target, a.weights);
  }

  winograd(a: OperationArguments<"winograd">): void {
    if (a.transformInput && a.planes) this.#inputs.set(a.planes, a);
    const weights = a.transformed ? this.#raw.get(a.weights)! : a.weights;
    const images = a.tiles / a.tilesPerImage;
    for (let n = 0; n < images; n++) {
      for (let y = 0; y < a.height; y++) {
        for (let x = 0; x < a.width; x++) {
          const corner = a.input + n * a.imageBytes + y * a.rowBytes + x * a.channels * 4;
          const out = (a.output + n * a.outputImageBytes + y * a.outputRowBytes) / 4 + x * a.outputChannels;
          for (let o = 0; o < a.outputChannels; o++) {
            let sum = a.accumulate ? this.floats[out + o]! : this.floats[a.bias / 4 + o]!;
            const slice = Math.floor((o >> 4) / a.panelsPerGroup) * a.groupChannels;
            for (let tap = 0; tap < 9; tap++) {
              const pixel = corner / 4 + (Math.floor(tap / 3) * a.rowBytes) / 4 + (tap % 3) * a.channels;
              for (let c = 0; c < a.groupChannels; c++) {
                const w = weights / 4 + (((o >> 4) * a.groupChannels + c) * 9 + tap) * 16 + (o & 15);
                sum += this.floats[pixel + slice + c]! * this.floats[w]!;
              }
            }
            this.floats[out + o] = a.relu ? Math.max(0, sum) : sum;
          }
        }
      }
    }
  }

  winogradGradient(a: OperationArguments<"winogradGradient">): void {
    this.#gradients.set(a.planes, a);
  }

  winogradKernelGradient(a: OperationArguments<"winogradKernelGradient">): void {
    const x = this.#inputs.get(a.planes)!;
    const d = this.#gradients.get(a.gradientPlanes)!;
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
                const value = this.floats[from + (column + (tap % 3)) * a.channels + slice + c]!;
                sum += value * this.floats[by + column * a.outputChannels + o]!;
              }
            }
          }
          this.floats[a.target / 4 + (((o >> 4) * a.groupChannels + c) * 9 + tap) * 16 + (o & 15)] = sum;
        }
      }
    }
  }

  kernelGradient(a: OperationArguments<"kernelGradient">): void {
    const K = a.runs * a.runFloats;
    for (let o = 0; o < a.panels * 16; o++) {
      for (let k = 0; k < K; k++) {
        const run = this.words[a.runTable / 4 + Math.floor(k / a.runFloats)]!;
        const group = Math.floor((o >> 4) / a.panelsPerGroup);
        const element = a.input + group * a.groupBytes + run + (k % a.runFloats) * 4;
        let sum = 0;
        for (let i = 0; i < a.rows; i++) {
          const x = this.floats[(element + this.words[a.inputTable / 4 + i]!) / 4]!;
          sum += x * this.floats[(a.gradient + this.words[a.gradientTable / 4 + i]!) / 4 + o]!;
        }
        this.floats[a.target / 4 + ((o >> 4) * K + k) * 16 + (o & 15)] = sum;
      }
    }
  }

  batchNormSums(a: OperationArguments<"batchNormSums">): void {
    for (let part = 0; part < a.parts; part++) {
      for (let c = 0; c < a.channels; c++) {
        let [sum, squares] = [0, 0];
        for (const pixel of pixels(a, a.x, part)) {
          const value = this.floats[pixel / 4 + c]! - this.floats[a.x / 4 + c]!;
          sum += value;
          squares += value * value;
        }
        this.#vector(a.sums)[part * 2 * a.channels + c] = sum;
        this.#vector(a.sums)[(part * 2 + 1) * a.channels + c] = squares;
      }
    }
  }

  batchNormForward(a: OperationArguments<"batchNormForward">): void {
    const [count, momentum, epsilon] = [this.#bits(a.count), this.#bits(a.momentum), this.#bits(a.epsilon)];
    for (let c = 0; c < a.channels; c++) {
      let [sum, squares] = [0, 0];
      for (let part = 0; part < a.parts; part++) {
        sum += this.#vector(a.sums)[part * 2 * a.channels + c]!;
        squares += this.#vector(a.sums)[(part * 2 + 1) * a.channels + c]!;
      }
      const mean = this.floats[a.x / 4 + c]! + sum / count;
      const variance = Math.max(0, squares / count - (sum / count) ** 2);
      const running = [this.#vector(a.runningMean), this.#vector(a.runningVar)] as const;
      running[0][c] = running[0][c]! * (1 - momentum) + momentum * mean;
      running[1][c] = running[1][c]! * (1 - momentum) + (momentum * variance * count) / (count - 1);
      this.#vector(a.mean)[c] = mean;
      this.#vector(a.invStd)[c] = 1 / Math.sqrt(variance + epsilon);
      this.#scaleAndBias(a, c, mean, variance + epsilon);
    }
  }

  batchNormInference(a: OperationArguments<"batchNormInference">, units: number): void {
    for (let c = 0; c < units * 16; c++) {
      const variance = this.#vector(a.runningVar)[c]! + this.#bits(a.epsilon);
      this.#scaleAndBias(a, c, this.#vector(a.runningMean)[c]!, variance);
    }
  }

  #scaleAndBias(
    a: Pick<OperationArguments<"batchNormForward">, "gamma" | "beta" | "scale" | "bias" | "accumulateBias">,
    c: number,
    mean: number,
    variance: number,
  ): void {
    const scale = this.#vector(a.gamma)[c]! / Math.sqrt(variance);
    const before = a.accumulateBias ? this.#vector(a.bias)[c]! : 0;
    this.#vector(a.scale)[c] = scale;
    this.#vector(a.bias)[c] = before + this.#vector(a.beta)[c]! - mean * scale;
  }

  combine(a: OperationArguments<"combine">, units: number): void {
    for (let line = 0; line < units; line++) {
      const offset = Math.floor(line / a.height);
      const dense = line * a.width * a.channels;
      const y = (a.y + offset * a.imageBytes + (line % a.height) * a.rowBytes) / 4;
      const x2 = (a.x2 + offset * a.x2ImageBytes + (line % a.height) * a.x2RowBytes) / 4;
      for (let i = 0; i < a.width * a.channels; i++) {
        const c = i % a.channels;
        let sum = this.#vector(a.bias)[c]!;
        sum += this.#vector(a.x0)[dense + i]! * this.#vector(a.scale0)[c]!;
        sum += this.#vector(a.x1)[dense + i]! * this.#vector(a.scale1)[c]!;
        if (a.x2) sum += this.floats[x2 + i]! * this.#vector(a.scale2)[c]!;
        this.floats[y + i] = a.relu ? Math.max(0, sum) : sum;
      }
    }
  }

  batchNormBackwardSums(a: OperationArguments<"batchNormBackwardSums">): void {
    const means = [a.mean0, a.mean1, a.mean2];
    for (let part = 0; part < a.parts; part++) {
      const lines = lineRange(a, part);
      for (let c = 0; c < a.channels; c++) {
        const sums = [0, 0, 0, 0];
        for (let p = lines[0] * a.width; p < lines[1] * a.width; p++) {
          const { g, x } = this.#backwardPixel(a, p, c);
          sums[0]! += g;
          x.forEach((value, i) => {
            sums[i + 1]! += g * (value - this.#vector(means[i]!)[c]!);
          });
        }
        sums.slice(0, a.x2 ? 4 : 3).forEach((sum, i) => {
          this.#vector(a.sums)[(part * 4 + i) * a.channels + c] = sum;
        });
      }
    }
  }

  #backwardPixel(
    a: Omit<OperationArguments<"batchNormBackwardSums">, "mean0" | "mean1" | "mean2" | "lines" | "parts" | "sums">,
    p: number,
    c: number,
  ) {
    const [line, column] = [Math.floor(p / a.width), p % a.width];
    const [image, row] = [Math.floor(line / a.height), line % a.height];
    const inImage = (address: number, imageBytes: number, rowBytes: number) =>
      this.floats[(address + image * imageBytes + row * rowBytes) / 4 + column * a.channels + c]!;
    const dense = p * a.channels + c;
    const g = inImage(a.y, a.imageBytes, a.rowBytes) > 0 ? this.#vector(a.dy)[dense]! : 0;
    const x = [this.#vector(a.x0)[dense]!, this.#vector(a.x1)[dense]!];
    if (a.x2) x.push(inImage(a.x2, a.x2ImageBytes, a.x2RowBytes));
    return { g, x, dense, image, row, column };
  }

  batchNormBackward(a: OperationArguments<"batchNormBackward">): void {
    const count = this.#bits(a.count);
    for (let c = 0; c < a.channels; c++) {
      let [sum, product] = [0, 0];
      for (let part = 0; part < a.parts; part++) {
        sum += this.#vector(a.sums)[part * 4 * a.channels + c]!;
        product += this.#vector(a.sums)[(part * 4 + 1 + a.branch) * a.channels + c]!;
      }
      const [gamma, mean, invStd] = [this.#vector(a.gamma)[c]!, this.#vector(a.mean)[c]!, this.#vector(a.invStd)[c]!];
      const u = gamma * invStd;
      const v = (-gamma * invStd * invStd * invStd * product) / count;
      this.#vector(a.gammaGradient)[c] = product * invStd;
      this.#vector(a.betaGradient)[c] = sum;
      const coefficients = this.#vector(a.coefficients);
      coefficients[c] = u;
      coefficients[a.channels + c] = v;
      coefficients[2 * a.channels + c] = (-u * sum) / count - v * mean;
    }
  }

  batchNormBackwardInput(a: OperationArguments<"batchNormBackwardInput">, units: number): void {
    const coefficients = [a.coefficients0, a.coefficients1, a.coefficients2].map((address) => this.#vector(address));
    for (let p = 0; p < units * a.width; p++) {
      for (let c = 0; c < a.channels; c++) {
        const { g, x, dense, image, row, column } = this.#backwardPixel(a, p, c);
        const d = x.map((value, i) => {
          const [u, v, w] = [0, 1, 2].map((k) => coefficients[i]![k * a.channels + c]!);
          return g * u! + value * v! + w!;
        });
        this.floats[(a.d0 + image * a.d0ImageBytes + row * a.d0RowBytes) / 4 + column * a.channels + c] = d[0]!;
        this.#vector(a.d1)[dense] = d[1]!;
        if (a.x2) this.#vector(a.d2)[dense] = d[2]!;
      }
    }
  }

  averagePool(a: OperationArguments<"averagePool">, units: number): void {
    const images = (units * 16) / a.channels;
    for (let n = 0; n < images; n++) {
      for (let c = 0; c < a.channels; c++) {
        let sum = 0;
        for (let y = 0; y < a.height; y++) {
          for (let x = 0; x < a.width; x++) {
            sum += this.floats[(a.input + n * a.imageBytes + y * a.rowBytes) / 4 + x * a.channels + c]!;
          }
        }
        this.#vector(a.output)[n * a.channels + c] = sum / (a.height * a.width);
      }
    }
  }

  averagePoolGradient(a: OperationArguments<"averagePoolGradient">, units: number): void {
    const pixelsPerImage = a.height * a.width;
    for (let i = 0; i < units * a.width * a.channels; i++) {
      const n = Math.floor(i / (pixelsPerImage * a.channels));
      this.#vector(a.output)[i] = this.#vector(a.gradient)[n * a.channels + (i % a.channels)]! / pixelsPerImage;
    }
  }

  clearBetweenGroups(a: OperationArguments<"clearBetweenGroups">, units: number): void {
    for (let o = 0; o < units * 16; o++) {
      const own = Math.floor((o % (a.panelsPerGroup * 16)) / a.outputs);
      for (let c = 0; c < a.channels; c++) {
        if (Math.floor(c / a.inputs) === own) continue;
        for (let tap = 0; tap < a.tapCount; tap++) {
          const element = a.gradient + (o >> 4) * a.panelBytes + c * a.channelBytes + tap * a.tapBytes;
          this.floats[element / 4 + (o & 15)] = 0;
        }
      }
    }
  }

  sigmoid(a: OperationArguments<"sigmoid">, units: number): void {
    for (let i = 0; i < units * 16; i++) this.#vector(a.y)[i] = 1 / (1 + Math.exp(-this.#vector(a.x)[i]!));
  }

  gate(a: OperationArguments<"gate">, units: number): void {
    for (let line = 0; line < units; line++) {
      const [image, row] = [Math.floor(line / a.height), line % a.height];
      const x = (a.x + image * a.xImageBytes + row * a.xRowBytes) / 4;
      const y = (a.y + image * a.imageBytes + row * a.rowBytes) / 4;
      for (let i = 0; i < a.width * a.channels; i++) {
        const scale = this.#vector(a.scale)[image * a.channels + (i % a.channels)]!;
        this.floats[y + i] = Math.max(0, this.floats[x + i]!) * scale;
      }
    }
  }

  gateScaleGradient(a: OperationArguments<"gateScaleGradient">, units: number): void {
    const pixels = a.height * a.width;
    for (let i = 0; i < units * 16; i++) {
      const [image, c] = [Math.floor(i / a.channels), i % a.channels];
      let sum = 0;
      for (let p = 0; p < pixels; p++) {
        const row = a.x + image * a.imageBytes + Math.floor(p / a.width) * a.rowBytes;
        const x = this.floats[row / 4 + (p % a.width) * a.channels + c]!;
        sum += this.#vector(a.dy)[(image * pixels + p) * a.channels + c]! * Math.max(0, x);
      }
      const scale = this.#vector(a.scale)[i]!;
      this.#vector(a.output)[i] = sum * scale * (1 - scale);
    }
  }

  gateInputGradient(a: OperationArguments<"gateInputGradient">, units: number): void {
    const pixels = a.height * a.width;
    for (let i = 0; i < units * a.width * a.channels; i++) {
      const [p, c] = [Math.floor(i / a.channels), i % a.channels];
      const [image, inImage] = [Math.floor(p / pixels), p % pixels];
      const row = a.x + image * a.imageBytes + Math.floor(inImage / a.width) * a.rowBytes;
      const x = this.floats[row / 4 + (inImage % a.width) * a.channels + c]!;
      const at = image * a.channels + c;
      const g = x > 0 ? this.#vector(a.dy)[i]! * this.#vector(a.scale)[at]! : 0;
      this.#vector(a.dy)[i] = g + this.#vector(a.pooled)[at]! / pixels;
    }
  }

  reluGradient(a: OperationArguments<"reluGradient">, units: number): void {
    for (let i = 0; i < units * 16; i++) if (!(this.#vector(a.y)[i]! > 0)) this.#vector(a.gradient)[i] = 0;
  }

  columnSums(a: OperationArguments<"columnSums">): void {
    for (let c = 0; c < a.channels; c++) {
      let sum = 0;
      for (let row = 0; row < a.rows; row++) sum += this.#vector(a.input)[row * a.channels + c]!;
      this.#vector(a.output)[c] = sum;
    }
  }

  sgd(a: OperationArguments<"sgd">, units: number): void {
    const [lr, momentum, decay, scale, nesterov] = this.#vector(a.settings);
    const [p, v] = [this.#vector(a.parameters), this.#vector(a.velocity)];
    for (let i = 0; i < units * 16; i++) {
      const g = scale! * this.#vector(a.gradients)[i]! + decay! * p[i]!;
      v[i] = momentum! * v[i]! + g;
      p[i] = p[i]! - lr! * (nesterov ? g + momentum! * v[i]! : v[i]!);
    }
  }

  adamw(a: OperationArguments<"adamw">, units: number): void {
    const [scale, beta1, fresh1, beta2, fresh2, keep, rate, factor, epsilon] = this.#vector(
      a.settings,
    ) as unknown as number[];
    const [p, m, v] = [this.#vector(a.parameters), this.#vector(a.first), this.#vector(a.second)];
    for (let i = 0; i < units * 16; i++) {
      const g = scale! * this.#vector(a.gradients)[i]!;
      m[i] = beta1! * m[i]! + fresh1! * g;
      v[i] = beta2! * v[i]! + fresh2! * g * g;
      p[i] = p[i]! * keep! - (rate! * m[i]!) / (Math.sqrt(v[i]!) * factor! + epsilon!);
    }
  }

  blend(a: OperationArguments<"blend">, units: number): void {
    const [keep, weight] = this.#vector(a.settings);
    const target = this.#vector(a.target);
    for (let i = 0; i < units * 16; i++) {
      target[i] = (keep === 0 ? 0 : keep! * target[i]!) + weight! * this.#vector(a.source)[i]!;
    }
  }

  customL2(a: OperationArguments<"customL2">, units: number): void {
    const weight = this.#vector(a.settings)[0]!;
    const scale = (gamma: number, runningVar: number, o: number) =>
      this.#vector(gamma)[o]! / Math.sqrt(this.#vector(runningVar)[o]! + this.#bits(a.epsilon));
    const add = (at: number, value: number) => {
      this.#vector(at + a.gradientOffset)[0]! += value;
    };
    for (let o = 0; o < units * 16; o++) {
      const [t3, t1] = [scale(a.gamma3, a.runningVar3, o), scale(a.gamma1, a.runningVar1, o)];
      const norm = t3 ** 2 + t1 ** 2;
      for (let c = 0; c < a.channels; c++) {
        const dense = (tap: number) =>
          a.dense + (o >> 4) * a.channels * 576 + c * a.channelBytes + tap * a.tapBytes + (o & 15) * 4;
        const pointwise = a.pointwise + ((o >> 4) * a.channels + c) * 64 + (o & 15) * 4;
        const around = [0, 1, 2, 3, 5, 6, 7, 8].map(dense);
        for (const at of around) add(at, weight * this.#vector(at)[0]!);
        const equivalent = t3 * this.#vector(dense(4))[0]! + t1 * this.#vector(pointwise)[0]!;
        add(dense(4), norm === 0 ? 0 : (weight * equivalent * t3) / norm);
        add(pointwise, norm === 0 ? 0 : (weight * equivalent * t1) / norm);
      }
    }
  }

  squaredSums(a: OperationArguments<"squaredSums">, units: number): void {
    const sums = new Float64Array(this.floats.buffer, a.sums, units);
    for (let unit = 0; unit < units; unit++) {
      const end = Math.min((unit + 1) * a.chunk, a.panels) * 16;
      const chunk = this.#vector(a.input).subarray(unit * a.chunk * 16, end);
      sums[unit] = chunk.reduce((sum, value) => sum + value * value, 0);
    }
  }
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
