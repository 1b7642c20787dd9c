import type { Images, Logits, NdArray } from "./nd-array.ts";
import type { OptimizerStep } from "./optimizer-step.ts";
import type { Forms, RepVggSpec } from "./spec.ts";
import type { StateDict } from "./state-dict.ts";

/** A network on one device. It owns device memory: dispose it, or declare it with `using`. */
export interface Network extends Disposable {
  readonly spec: RepVggSpec;
  /** A list where the network is partly fused. */
  readonly form: Forms;
  /**
   * Logits in inference mode (running statistics in every batch normalization).
   *
   * @param images `[N, H, W, inputChannels]`, normalised; borrowed. Any N.
   * @returns `[N, numClasses]`, newly allocated.
   * @throws {RepvggError} `E_SHAPE`, or `E_DISPOSED` after dispose.
   */
  predict(images: Images): Promise<Logits>;
  /**
   * The outputs of stages 1 to 4 in inference mode, `[N, h, w, C]` each: what a detector or a segmenter builds on.
   *
   * @param images As {@link predict}'s.
   * @returns Four arrays, newly allocated.
   * @throws {RepvggError} as {@link predict}.
   */
  features(images: Images): Promise<Images[]>;
  /**
   * Fuses blocks in place: the same answers, from less memory and work. A network that learned cannot learn any more after it.
   *
   * @param blocks Names of the blocks, `stage1.0`, …; those fused already stay. @default all
   * @throws {RepvggError} `E_USAGE`: there is no such block; nothing is changed then.
   */
  switchToDeploy(blocks?: readonly string[]): Promise<void>;
  /** A copy of all parameters and running statistics. */
  exportState(): Promise<StateDict>;
  /** Frees the device memory. Safe to call twice. */
  dispose(): void;
}

/**
 * What a loss sees: `Tensor` is the tensor type of the library that the loss is written with (tfjs).
 *
 * A loss may be a function of any of them. What it does not read costs nothing: the elements of the lists are made when read.
 */
export interface Outputs<Tensor> {
  /** `[N, numClasses]`. */
  readonly logits: Tensor;
  /** Logits of the auxiliary classifiers, `[N, numClasses]` each, that of the lowest stage first; empty where the network has none. */
  readonly auxiliary: readonly Tensor[];
  /** Outputs of stages 1 to 4, `[N, h, w, C]` each. */
  readonly features: readonly Tensor[];
}

/** Gradients of a loss at the {@link Outputs} that it is a function of; undefined where it is not. */
export interface OutputGradients {
  readonly logits: NdArray | undefined;
  readonly auxiliary: readonly (NdArray | undefined)[];
  readonly features: readonly (NdArray | undefined)[];
}

/** A differentiable function of the outputs; returns a scalar. The targets are in its closure. */
export type LossFunction<Tensor, Scalar extends Tensor = Tensor> = (outputs: Outputs<Tensor>) => Scalar;

/** Where a step first met a number that is not finite, in the order of the computation. */
export interface NonFinite {
  readonly what: "images" | "parameter" | "output" | "loss" | "gradient";
  /** Of the parameter, or of the block (or `linear`) whose output it is; empty for images and the loss. */
  readonly name: string;
}

export interface TrainStepResult {
  /** The loss before the update. */
  readonly loss: number;
  /** Train-mode logits of the batch, `[N, numClasses]`. */
  readonly logits: Logits;
  /** L2 norm of the update's gradient before it was clipped; given where the step has `maxGradientNorm`. */
  readonly gradientNorm?: number;
  /** Given where something was not finite; the step has then changed nothing. */
  readonly nonFinite?: NonFinite;
}

/** A network in train form that learns. The Trainer knows only this. */
export interface TrainableNetwork<Tensor, Scalar extends Tensor = Tensor> extends Network {
  /**
   * Forward in train mode, loss, backward, the optimiser's update and the running statistics: one step.
   *
   * A loss that is not finite, or a gradient whose norm is not (where it is limited), changes nothing: the step is reported and
   * left to the caller. Of several that accumulate, the others make the update. Another optimiser than that of the step before
   * begins anew.
   *
   * @param images `[N, H, W, inputChannels]`; borrowed.
   * @throws {RepvggError} `E_SHAPE`: other images than the network was made for.
   */
  trainStep(images: Images, loss: LossFunction<Tensor, Scalar>, step: OptimizerStep): Promise<TrainStepResult>;
  /** The optimiser's arrays by the names of {@link OPTIMIZER_STATE}, in memory order as the parameters; empty before the first update. */
  exportOptimizerState(): Promise<Map<string, NdArray>>;
  /** Restores what {@link exportOptimizerState} gave. @throws {RepvggError} `E_STATE`: a name or shape does not fit. */
  importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void>;
  /** The average that `averageDecay` keeps, complete like {@link exportState}; undefined before the first update with it. */
  exportAverage(): Promise<StateDict | undefined>;
  /** Restores what {@link exportAverage} gave. @throws {RepvggError} `E_STATE`: it does not fit the network. */
  importAverage(average: StateDict): Promise<void>;
  /** {@link predict} with the average in place of the parameters. @throws {RepvggError} `E_USAGE`: there is none. */
  predictAverage(images: Images): Promise<Logits>;
}

/** PyTorch's `nn.BatchNorm2d` defaults, used by every RepVGG. */
export const BATCH_NORM = { epsilon: 1e-5, momentum: 0.1 } as const;
