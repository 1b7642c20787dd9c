import { type AdamWStep, RepvggError, type SgdStep } from "@repvgg/core";

/** What every optimiser has. */
interface CommonOptions {
  /** The largest learning rate; the schedule multiplies it. @default 0.1, of AdamW 0.001 */
  learningRate?: number;
  /** Of kernels and identity BN weights; none of biases and the other BN weights. @default 1e-4, of AdamW 0.01 */
  weightDecay?: number;
  /** The largest L2 norm of the gradient of all parameters together; longer ones are scaled down. @default no limit */
  maxGradientNorm?: number;
  /** λ of the authors' custom L2 penalty, in place of the decay of the 3×3 and 1×1 kernels. @default none */
  customL2?: number;
}

/** Stochastic gradient descent, PyTorch's formula; decay is an L2 penalty. */
export interface SgdOptions extends CommonOptions {
  kind?: "sgd";
  /** In [0, 1). @default 0.9 */
  momentum?: number;
  /** Nesterov's momentum. @default false */
  nesterov?: boolean;
}

/** Adam with decoupled weight decay, PyTorch's formula. */
export interface AdamWOptions extends CommonOptions {
  kind: "adamw";
  /** Of the average of gradients, in [0, 1). @default 0.9 */
  beta1?: number;
  /** Of the average of their squares, in [0, 1). @default 0.999 */
  beta2?: number;
  /** Added to the root of that average. @default 1e-8 */
  epsilon?: number;
}

export type OptimizerOptions = SgdOptions | AdamWOptions;

/** Also what a command line prints as defaults, so the two cannot disagree. */
export const SGD_DEFAULTS = {
  kind: "sgd",
  learningRate: 0.1,
  momentum: 0.9,
  weightDecay: 1e-4,
  nesterov: false,
} as const satisfies SgdOptions;

/** PyTorch's. */
export const ADAMW_DEFAULTS = {
  kind: "adamw",
  learningRate: 1e-3,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
} as const satisfies AdamWOptions;

/**
 * Complete, checked options: the step that the schedule changes the learning rate of.
 *
 * @throws {RepvggError} `E_USAGE`: a value is out of range; the message names it.
 */
export function optimizerOptions(options: OptimizerOptions = {}): SgdStep | AdamWStep {
  const all = options.kind === "adamw" ? { ...ADAMW_DEFAULTS, ...options } : { ...SGD_DEFAULTS, ...options };
  const check = (name: string, value: number, isValid: boolean, expected: string) => {
    if (!isValid) throw new RepvggError("E_USAGE", `${name} must be ${expected}, got ${value}.`);
  };
  const positive = (name: string, value: number) =>
    check(name, value, value > 0 && Number.isFinite(value), "a positive number");
  const rate = (name: string, value: number) => check(name, value, value >= 0 && value < 1, "in [0, 1)");
  const { learningRate, weightDecay, maxGradientNorm, customL2 } = all;
  positive("learningRate", learningRate);
  check("weightDecay", weightDecay, weightDecay >= 0 && Number.isFinite(weightDecay), "0 or a positive number");
  if (maxGradientNorm !== undefined) positive("maxGradientNorm", maxGradientNorm);
  if (customL2 !== undefined) positive("customL2", customL2);
  if (all.kind === "adamw") {
    rate("beta1", all.beta1);
    rate("beta2", all.beta2);
    positive("epsilon", all.epsilon);
  } else {
    rate("momentum", all.momentum);
    check("momentum", all.momentum, !(all.nesterov && all.momentum === 0), "positive with nesterov");
  }
  return all;
}
