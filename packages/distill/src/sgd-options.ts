import { RepvggError } from "@repvgg/core";

/** Stochastic gradient descent, PyTorch's formula, with the paper's rule of what decays. */
export interface SgdOptions {
  /** The largest learning rate; the schedule multiplies it. @default 0.1 */
  learningRate?: number;
  /** In [0, 1). @default 0.9 */
  momentum?: number;
  /** L2 penalty on kernels and identity BN weights; none on biases and the other BN weights. @default 1e-4 */
  weightDecay?: number;
  /** Nesterov's momentum. @default false */
  nesterov?: boolean;
}

/** Also what a command line prints as defaults, so the two cannot disagree. */
export const SGD_DEFAULTS = {
  learningRate: 0.1,
  momentum: 0.9,
  weightDecay: 1e-4,
  nesterov: false,
} as const satisfies Required<SgdOptions>;

/**
 * Complete, checked options.
 *
 * @throws {RepvggError} `E_USAGE`: a value is out of range; the message names it.
 */
export function sgdOptions(options: SgdOptions = {}): Required<SgdOptions> {
  const sgd = { ...SGD_DEFAULTS, ...options };
  const fail = (name: string, expected: string, actual: unknown): never => {
    throw new RepvggError("E_USAGE", `${name} must be ${expected}, got ${actual}.`);
  };
  if (!(sgd.learningRate > 0 && Number.isFinite(sgd.learningRate))) {
    fail("learningRate", "a positive number", sgd.learningRate);
  }
  if (!(sgd.momentum >= 0 && sgd.momentum < 1)) fail("momentum", "in [0, 1)", sgd.momentum);
  if (!(sgd.weightDecay >= 0 && Number.isFinite(sgd.weightDecay))) {
    fail("weightDecay", "0 or a positive number", sgd.weightDecay);
  }
  if (sgd.nesterov && sgd.momentum === 0) fail("momentum", "positive with nesterov", sgd.momentum);
  return sgd;
}
