import {
  dispose,
  keep,
  type Scalar,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tidy,
  type Variable,
  variableGrads,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { assertBatchStatistics } from "../assert-batch-statistics.ts";
import { assertTrains } from "../assert-trains.ts";
import { checkState } from "../check-state.ts";
import { isFrozen } from "../frozen-blocks.ts";
import { layerPlan } from "../layer-plan.ts";
import { type Images, type Logits, type NdArray, ndArray } from "../nd-array.ts";
import type { LossFunction, NonFinite, TrainableNetwork, TrainStepResult } from "../network.ts";
import { CLIP_EPSILON, type OptimizerStep } from "../optimizer-step.ts";
import type { RepVggSpec } from "../spec.ts";
import type { StateDict } from "../state-dict.ts";
import { addCustomL2 } from "./add-custom-l2.ts";
import { Average } from "./average.ts";
import { type BatchNormTensors, batchNormTensors } from "./block-tensors.ts";
import { checkTrainingBackend } from "./check-gradients.ts";
import { deferErrors } from "./defer-errors.ts";
import { forward, inferenceNormalize, type Normalize, type Parameter } from "./forward.ts";
import { type Gradients, Optimizer } from "./optimizer.ts";
import { TfjsNetwork, toTensor } from "./tfjs-network.ts";
import { trainBatchNorm } from "./train-batch-norm.ts";

/** Running statistics of one batch normalization after a batch. */
interface NextStatistics extends Pick<BatchNormTensors, "runningMean" | "runningVar"> {
  readonly prefix: string;
}

/** What a step holds until it is applied or dropped. */
interface Pass {
  loss: Scalar;
  logits: Tensor2D;
  statistics: NextStatistics[];
  gradients: Record<string, Tensor>;
}

/** A RepVGG in train form that learns, on the current tfjs backend. */
export class TfjsTrainableNetwork extends TfjsNetwork implements TrainableNetwork<Tensor, Scalar> {
  readonly #optimizer: Optimizer;
  readonly #average: Average;
  readonly #frozen: number;
  /** tfjs knows variables by names of its own. */
  readonly #trainable: ReadonlyMap<string, Variable>;

  /**
   * @param state Train form, checked already; copied.
   * @param frozen Blocks, from the input on, that do not learn.
   */
  constructor(spec: RepVggSpec, state: ReadonlyMap<string, NdArray>, frozen = 0) {
    super(spec, "train", state, frozen);
    this.#frozen = frozen;
    this.#optimizer = new Optimizer(this.variables);
    this.#average = new Average(this.variables);
    const trainable = this.variables.entries.filter((entry) => entry.trainable);
    this.#trainable = new Map(trainable.map(({ name }) => [name, this.variables.get(name)]));
  }

  /**
   * One step of training; see {@link TrainableNetwork.trainStep}.
   *
   * @throws {RepvggError} `E_UNSUPPORTED`: tfjs's gradients are not registered, or the backend has none of a convolution (tfjs's wasm backend).
   */
  async trainStep(images: Images, loss: LossFunction<Tensor, Scalar>, step: OptimizerStep): Promise<TrainStepResult> {
    this.assertUsable();
    assertTrains(this);
    this.checkImages(images);
    this.#checkCanTrain(images);
    const pass = this.#forwardAndBackward(images, loss);
    try {
      const [[value], logits] = await Promise.all([pass.loss.data<"float32">(), pass.logits.data<"float32">()]);
      this.assertUsable(); // it may have been disposed meanwhile
      const result = { loss: value!, logits: ndArray(pass.logits.shape, logits) };
      if (Number.isFinite(value)) return { ...result, ...(await this.#update(pass, step)) };
      await this.#update(undefined, step);
      return { ...result, nonFinite: await this.#findNonFinite(images) };
    } finally {
      free(pass);
    }
  }

  /** @param pass Undefined for a step that is dropped: what steps before it gathered makes the update. */
  async #update(
    pass: Pass | undefined,
    step: OptimizerStep,
  ): Promise<Pick<TrainStepResult, "gradientNorm" | "nonFinite">> {
    const own = pass && new Map([...this.#trainable].map(([name, { name: own }]) => [name, pass.gradients[own]!]));
    const gathered = this.#optimizer.gather(own, step);
    const penalised = gathered && step.customL2 ? this.#addCustomL2(gathered, step.customL2, pass) : undefined;
    const gradients = penalised?.gradients ?? gathered;
    try {
      const norm = gradients && step.maxGradientNorm !== undefined ? await this.#norm(gradients) : undefined;
      const report = norm === undefined ? {} : { gradientNorm: norm };
      if (norm !== undefined && !Number.isFinite(norm)) {
        return { ...report, nonFinite: { what: "gradient", name: await firstNonFinite([...gradients!].toReversed()) } };
      }
      const scale = norm === undefined ? 1 : Math.min(1, step.maxGradientNorm! / (norm + CLIP_EPSILON));
      if (gradients) this.#optimizer.update(gradients, step, scale);
      if (pass) this.#updateRunningStatistics(pass.statistics);
      if (pass) this.variables.countBatch((entry) => !isFrozen(entry, this.#frozen));
      if (gradients && step.averageDecay !== undefined) this.#average.update(step.averageDecay);
      return report;
    } finally {
      dispose([...(penalised?.made ?? [])]);
      if (gradients) this.#optimizer.finish();
    }
  }

  #addCustomL2(gradients: Gradients, weight: number, pass: Pass | undefined) {
    // With the running variances after this batch, which PyTorch has then.
    const next = new Map<string, Tensor>(
      pass?.statistics.map(({ prefix, runningVar }) => [`${prefix}.running_var`, runningVar]),
    );
    const parameter: Parameter = <T extends Tensor>(name: string) =>
      (next.get(name) as T | undefined) ?? this.variables.get<T>(name);
    return addCustomL2(gradients, this.plan.blocks.slice(this.#frozen), parameter, weight);
  }

  async #norm(gradients: Gradients): Promise<number> {
    const norm = this.#optimizer.norm(gradients);
    try {
      return (await norm.data<"float32">())[0]!;
    } finally {
      norm.dispose();
      this.assertUsable();
    }
  }

  /** The first that is not finite of what a forward pass in train mode goes through. */
  async #findNonFinite(images: Images): Promise<NonFinite> {
    if (!images.data.every(Number.isFinite)) return { what: "images", name: "" };
    const outputs = new Map<string, Tensor>();
    tidy(() => {
      const parameter = this.variables.get.bind(this.variables);
      const normalize = this.#normalize(() => {});
      const onBlock = (name: string, output: Tensor) => void outputs.set(name, keep(output.clone()));
      const options = { form: "train", parameter, normalize, auxiliary: false, onBlock } as const;
      const { logits } = forward(this.plan, toTensor(images), options);
      outputs.set("linear", keep(logits.clone()));
    });
    try {
      for (const [block, output] of outputs) {
        const own = this.variables.entries.filter(({ block: of }) => (of?.name ?? "linear") === block);
        const computing = own.filter(({ role }) => role !== "numBatchesTracked");
        const parameter = await firstNonFinite(computing.map(({ name }) => [name, this.variables.get(name)]));
        if (parameter !== "") return { what: "parameter", name: parameter };
        if ((await firstNonFinite([[block, output]])) !== "") return { what: "output", name: block };
      }
      return { what: "loss", name: "" };
    } finally {
      for (const output of outputs.values()) output.dispose();
    }
  }

  override async switchToDeploy(blocks?: readonly string[]): Promise<void> {
    await super.switchToDeploy(blocks);
    this.#optimizer.dispose();
    this.#average.dispose();
  }

  async exportOptimizerState(): Promise<Map<string, NdArray>> {
    this.assertUsable();
    assertTrains(this);
    return this.#optimizer.export();
  }

  async importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void> {
    this.assertUsable();
    assertTrains(this);
    this.#optimizer.import(state);
  }

  async exportAverage(): Promise<StateDict | undefined> {
    this.assertUsable();
    assertTrains(this);
    return this.#average.export();
  }

  async importAverage(average: StateDict): Promise<void> {
    this.assertUsable();
    assertTrains(this);
    checkState(this.plan, "train", average);
    this.#average.import(average);
  }

  predictAverage(images: Images): Promise<Logits> {
    return this.predictWith(images, (name) => this.#average.get(name));
  }

  override dispose(): void {
    if (this.disposed) return;
    this.#optimizer.dispose();
    this.#average.dispose();
    super.dispose();
  }

  #checkCanTrain({ shape: [n, height, width] }: Images): void {
    checkTrainingBackend();
    assertBatchStatistics(layerPlan(this.spec, [height, width]), n);
  }

  #forwardAndBackward(images: Images, loss: LossFunction<Tensor, Scalar>): Pass {
    const pass: Partial<Pass> & { statistics: NextStatistics[] } = { statistics: [] };
    const parameter = this.variables.get.bind(this.variables);
    const normalize = this.#normalize(({ prefix, runningMean, runningVar }) => {
      pass.statistics.push({ prefix, runningMean: keep(runningMean), runningVar: keep(runningVar) });
    });
    const { loss: lossOf, rethrow } = deferErrors(loss);
    const lossOfBatch = (x: Tensor4D) => {
      const outputs = forward(this.plan, x, { form: "train", parameter, normalize, auxiliary: true });
      pass.logits = keep(outputs.logits.clone() as Tensor2D);
      return lossOf(outputs);
    };
    try {
      const { value, grads } = tidy(() => {
        const x = toTensor(images);
        const { value, grads } = variableGrads(() => lossOfBatch(x), [...this.#trainable.values()]);
        // What the loss is no function of has a gradient of zeros, as in the engine: it still decays.
        for (const unread of this.#trainable.values()) grads[unread.name] ??= zerosLike(unread);
        return { value, grads };
      });
      Object.assign(pass, { loss: value, gradients: grads });
      rethrow();
      return pass as Pass;
    } catch (error) {
      free(pass);
      throw error;
    }
  }

  /** By the statistics of the batch, which `onStatistics` is shown; blocks that do not learn: by the running ones. */
  #normalize(onStatistics: (next: NextStatistics) => void): Normalize {
    const parameter = this.variables.get.bind(this.variables);
    const fixed = inferenceNormalize(parameter);
    const learns = this.variables.entries.filter(({ role, trainable }) => role === "gamma" && trainable);
    const prefixes = new Set(learns.map(({ name }) => name.replace(/\.weight$/, "")));
    return (x, prefix) => {
      if (!prefixes.has(prefix)) return fixed(x, prefix);
      const { y, ...running } = trainBatchNorm(x, batchNormTensors(prefix, parameter));
      onStatistics({ prefix, ...running });
      return y;
    };
  }

  #updateRunningStatistics(statistics: readonly NextStatistics[]): void {
    for (const { prefix, runningMean, runningVar } of statistics) {
      this.variables.get(`${prefix}.running_mean`).assign(runningMean);
      this.variables.get(`${prefix}.running_var`).assign(runningVar);
    }
  }
}

function free({ loss, logits, statistics = [], gradients = {} }: Partial<Pass>): void {
  loss?.dispose();
  logits?.dispose();
  for (const { runningMean, runningVar } of statistics) dispose([runningMean, runningVar]);
  for (const gradient of Object.values(gradients)) gradient.dispose();
}

/** The name of the first tensor that is not finite; empty if all are. */
async function firstNonFinite(tensors: Iterable<readonly [name: string, tensor: Tensor]>): Promise<string> {
  for (const [name, tensor] of tensors) {
    if (!(await tensor.data<"float32">()).every(Number.isFinite)) return name;
  }
  return "";
}
