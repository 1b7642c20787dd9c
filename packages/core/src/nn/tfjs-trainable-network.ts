import {
  add,
  keep,
  mul,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tidy,
  type Variable,
  variableGrads,
} from "@tensorflow/tfjs-core";
import { assertBatchStatistics } from "../assert-batch-statistics.ts";
import { layerPlan } from "../layer-plan.ts";
import { type Images, type NdArray, ndArray } from "../nd-array.ts";
import {
  BATCH_NORM,
  type LossFunction,
  type SgdStep,
  type TrainableNetwork,
  type TrainStepResult,
} from "../network.ts";
import type { RepVggSpec } from "../spec.ts";
import { checkTrainingBackend } from "./check-gradients.ts";
import { deferErrors } from "./defer-errors.ts";
import { forward, type Normalize } from "./forward.ts";
import { Sgd } from "./sgd.ts";
import { TfjsNetwork, toTensor } from "./tfjs-network.ts";
import { trainBatchNorm } from "./train-batch-norm.ts";

/** Statistics of one batch normalization over one batch. */
interface BatchStatistics {
  readonly prefix: string;
  readonly mean: Tensor1D;
  /** Biased. */
  readonly variance: Tensor1D;
  /** Values a channel. */
  readonly count: number;
}

/** What a step holds until it is applied or dropped. */
interface Pass {
  loss: Scalar;
  logits: Tensor2D;
  statistics: BatchStatistics[];
  gradients: Record<string, Tensor>;
}

/** A RepVGG in train form that learns, on the current tfjs backend. */
export class TfjsTrainableNetwork extends TfjsNetwork implements TrainableNetwork<Tensor, Scalar> {
  readonly #sgd: Sgd;
  /** tfjs knows variables by names of its own. */
  readonly #trainable: ReadonlyMap<string, Variable>;

  /** @param state Train form, checked already; copied. */
  constructor(spec: RepVggSpec, state: ReadonlyMap<string, NdArray>) {
    super(spec, "train", state);
    this.#sgd = new Sgd(this.variables);
    const trainable = this.variables.entries.filter((entry) => entry.trainable);
    this.#trainable = new Map(trainable.map(({ name }) => [name, this.variables.get(name)]));
  }

  /**
   * One step of training; see {@link TrainableNetwork.trainStep}.
   *
   * @throws {RepvggError} `E_UNSUPPORTED`: tfjs's gradients are not registered, or the backend has none of a convolution (tfjs's wasm backend).
   */
  async trainStep(images: Images, loss: LossFunction<Tensor, Scalar>, step: SgdStep): Promise<TrainStepResult> {
    this.assertUsable();
    this.checkImages(images);
    this.#checkCanTrain(images);
    const pass = this.#forwardAndBackward(images, loss);
    try {
      const [[value], logits] = await Promise.all([pass.loss.data<"float32">(), pass.logits.data<"float32">()]);
      this.assertUsable(); // it may have been disposed meanwhile
      if (Number.isFinite(value)) {
        this.#sgd.update((name) => pass.gradients[this.#trainable.get(name)!.name], step);
        this.#updateRunningStatistics(pass.statistics);
        this.variables.countBatch();
      }
      return { loss: value!, logits: ndArray(pass.logits.shape, logits) };
    } finally {
      free(pass);
    }
  }

  async exportOptimizerState(): Promise<Map<string, NdArray>> {
    this.assertUsable();
    return this.#sgd.export();
  }

  async importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void> {
    this.assertUsable();
    this.#sgd.import(state);
  }

  override dispose(): void {
    if (this.disposed) return;
    this.#sgd.dispose();
    super.dispose();
  }

  #checkCanTrain({ shape: [n, height, width] }: Images): void {
    checkTrainingBackend();
    assertBatchStatistics(layerPlan(this.spec, [height, width]), n);
  }

  #forwardAndBackward(images: Images, loss: LossFunction<Tensor, Scalar>): Pass {
    const pass: Partial<Pass> & { statistics: BatchStatistics[] } = { statistics: [] };
    const parameter = this.variables.get.bind(this.variables);
    const normalize: Normalize = (x, prefix) => {
      const gamma = parameter<Tensor1D>(`${prefix}.weight`);
      const { y, mean, variance } = trainBatchNorm(x, gamma, parameter(`${prefix}.bias`));
      pass.statistics.push({ prefix, mean: keep(mean), variance: keep(variance), count: x.size / x.shape[3] });
      return y;
    };
    const { loss: lossOf, rethrow } = deferErrors(loss);
    const lossOfBatch = (x: Tensor4D) => {
      const outputs = forward(this.plan, "train", parameter, normalize, x);
      pass.logits = keep(outputs.logits.clone() as Tensor2D);
      return lossOf(outputs);
    };
    try {
      const { value, grads } = tidy(() => {
        const x = toTensor(images);
        return variableGrads(() => lossOfBatch(x), [...this.#trainable.values()]);
      });
      Object.assign(pass, { loss: value, gradients: grads });
      rethrow();
      return pass as Pass;
    } catch (error) {
      free(pass);
      throw error;
    }
  }

  /** PyTorch's: an exponential average, of the variance the unbiased one. */
  #updateRunningStatistics(statistics: readonly BatchStatistics[]): void {
    const { momentum } = BATCH_NORM;
    tidy(() => {
      for (const { prefix, mean, variance, count } of statistics) {
        const average = (name: string, batch: Tensor1D, weight: number) => {
          const running = this.variables.get<Tensor1D>(`${prefix}.${name}`);
          running.assign(add(mul(running, 1 - momentum), mul(batch, weight)));
        };
        average("running_mean", mean, momentum);
        average("running_var", variance, (momentum * count) / (count - 1));
      }
    });
  }
}

function free({ loss, logits, statistics = [], gradients = {} }: Partial<Pass>): void {
  loss?.dispose();
  logits?.dispose();
  for (const { mean, variance } of statistics) {
    mean.dispose();
    variance.dispose();
  }
  for (const gradient of Object.values(gradients)) gradient.dispose();
}
