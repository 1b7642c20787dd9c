import type { Meanings } from "./test-memory.ts";

/** What optimisers and averages do to parameters. */
export const updateMeanings: Meanings<"sgd" | "adamw" | "blend" | "customL2" | "squaredSums"> = {
  sgd(memory, a, units) {
    const [lr, momentum, decay, scale, nesterov] = memory.vector(a.settings);
    const [p, v] = [memory.vector(a.parameters), memory.vector(a.velocity)];
    for (let i = 0; i < units * 16; i++) {
      const g = scale! * memory.vector(a.gradients)[i]! + decay! * p[i]!;
      v[i] = momentum! * v[i]! + g;
      p[i] = p[i]! - lr! * (nesterov ? g + momentum! * v[i]! : v[i]!);
    }
  },

  adamw(memory, a, units) {
    const [scale, beta1, fresh1, beta2, fresh2, keep, rate, factor, epsilon] = memory.vector(
      a.settings,
    ) as unknown as number[];
    const [p, m, v] = [memory.vector(a.parameters), memory.vector(a.first), memory.vector(a.second)];
    for (let i = 0; i < units * 16; i++) {
      const g = scale! * memory.vector(a.gradients)[i]!;
      m[i] = beta1! * m[i]! + fresh1! * g;
      v[i] = beta2! * v[i]! + fresh2! * g * g;
      p[i] = p[i]! * keep! - (rate! * m[i]!) / (Math.sqrt(v[i]!) * factor! + epsilon!);
    }
  },

  blend(memory, a, units) {
    const [keep, weight] = memory.vector(a.settings);
    const target = memory.vector(a.target);
    for (let i = 0; i < units * 16; i++) {
      target[i] = (keep === 0 ? 0 : keep! * target[i]!) + weight! * memory.vector(a.source)[i]!;
    }
  },

  customL2(memory, a, units) {
    const weight = memory.vector(a.settings)[0]!;
    const scale = (gamma: number, runningVar: number, o: number) =>
      memory.vector(gamma)[o]! / Math.sqrt(memory.vector(runningVar)[o]! + memory.bits(a.epsilon));
    const add = (at: number, value: number) => {
      memory.vector(at + a.gradientOffset)[0]! += value;
    };
    for (let o = 0; o < units * 16; o++) {
      const [t3, t1] = [scale(a.gamma3, a.runningVar3, o), scale(a.gamma1, a.runningVar1, o)];
      const norm = t3 ** 2 + t1 ** 2;
      for (let c = 0; c < a.channels; c++) {
        const dense = (tap: number) =>
          a.dense + (o >> 4) * a.channels * 576 + c * a.channelBytes + tap * a.tapBytes + (o & 15) * 4;
        const pointwise = a.pointwise + ((o >> 4) * a.channels + c) * 64 + (o & 15) * 4;
        const around = [0, 1, 2, 3, 5, 6, 7, 8].map(dense);
        for (const at of around) add(at, weight * memory.vector(at)[0]!);
        const equivalent = t3 * memory.vector(dense(4))[0]! + t1 * memory.vector(pointwise)[0]!;
        add(dense(4), norm === 0 ? 0 : (weight * equivalent * t3) / norm);
        add(pointwise, norm === 0 ? 0 : (weight * equivalent * t1) / norm);
      }
    }
  },

  squaredSums(memory, a, units) {
    const sums = new Float64Array(memory.floats.buffer, a.sums, units);
    for (let unit = 0; unit < units; unit++) {
      const end = Math.min((unit + 1) * a.chunk, a.panels) * 16;
      const chunk = memory.vector(a.input).subarray(unit * a.chunk * 16, end);
      sums[unit] = chunk.reduce((sum, value) => sum + value * value, 0);
    }
  },
};
