/** What every update has in common. */
export interface UpdateOptions {
  readonly learningRate: number;
  /**
   * Shrinks the entries that `StateEntry.decay` names: by an L2 penalty, added to their gradients (SGD), or directly, apart from
   * the gradients (AdamW).
   */
  readonly weightDecay: number;
  /**
   * λ of the authors' custom L2 penalty, see `customL2` of `@repvgg/core/nn`: adds λ/2 of it for each block to the gradients, in place of
   * weight decay on the 3×3 and 1×1 branches' kernels. The reported loss is without it. Absent: none.
   */
  readonly customL2?: number;
  /**
   * The largest L2 norm of the gradient of all parameters together; a longer one is scaled down to it, as by PyTorch's
   * `clip_grad_norm_`. Absent: no limit.
   *
   * @see Pascanu, Mikolov and Bengio 2013, §3.2. https://arxiv.org/abs/1211.5063
   */
  readonly maxGradientNorm?: number;
  /** The step's place among several that make one update. Absent: every step makes one. */
  readonly accumulation?: Accumulation;
  /**
   * Keeps an average of the parameters and running statistics: `a ← d · a + (1 − d) · w` after each update, with `a = w` after the
   * first. Absent: none is kept.
   */
  readonly averageDecay?: number;
}

/** Gradient accumulation: the gradients of several batches make one update. The running statistics move with every batch. */
export interface Accumulation {
  /** What this batch's gradients count: 1/k for the mean over k batches. */
  readonly weight: number;
  /** Whether it is the last of them, after whose gradients the update comes. */
  readonly last: boolean;
}

/**
 * Stochastic gradient descent, PyTorch's formula without dampening.
 *
 *     g ← g + weightDecay · w        v ← momentum · v + g, at first v = g
 *     w ← w − learningRate · (nesterov ? g + momentum · v : v)
 */
export interface SgdStep extends UpdateOptions {
  readonly kind?: "sgd";
  /** 0 turns it off. */
  readonly momentum: number;
  readonly nesterov: boolean;
}

/**
 * Adam with decoupled weight decay, PyTorch's formula; t counts the updates.
 *
 *     w ← w − learningRate · weightDecay · w
 *     m ← β₁ · m + (1 − β₁) · g        v ← β₂ · v + (1 − β₂) · g²
 *     w ← w − learningRate / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)
 *
 * @see Loshchilov and Hutter 2019, algorithm 2. https://arxiv.org/abs/1711.05101
 */
export interface AdamWStep extends UpdateOptions {
  readonly kind: "adamw";
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** How one step changes the parameters, once their gradients are known. */
export type OptimizerStep = SgdStep | AdamWStep;

/**
 * Names of the optimiser's arrays, as `exportOptimizerState` gives them: SGD's velocity by the parameter's name alone, AdamW's two
 * moments with PyTorch's prefixes, and its count of updates.
 */
export const OPTIMIZER_STATE = { first: "exp_avg/", second: "exp_avg_sq/", updates: "step" } as const;

/** Added to the norm that gradients are clipped by, as in PyTorch's `clip_grad_norm_`. */
export const CLIP_EPSILON = 1e-6;
