import type {
  Forms,
  Images,
  Logits,
  LossFunction,
  NdArray,
  OptimizerStep,
  RepVggSpec,
  StateDict,
  TrainableNetwork,
  TrainStepResult,
} from "@repvgg/core";
import { lossGradient } from "@repvgg/core/nn";
import type { EngineTrainingNetwork } from "@repvgg/engine/training";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { withTfjsBackend } from "./tfjs-backend.ts";

/**
 * Joins the engine's two halves of a step with a loss written in tfjs.
 *
 *     outputs → loss and ∂loss/∂outputs by tfjs → backward and update
 *
 * The engine knows no tfjs, and tfjs sees only the outputs that the loss reads, so any loss works, a user's own too.
 */
export class EngineTrainableNetwork implements TrainableNetwork<Tensor, Scalar> {
  readonly spec: RepVggSpec;
  readonly imageSize: readonly [height: number, width: number];
  /** Images of each step: the engine's memory is planned for exactly so many. */
  readonly batchSize: number;
  readonly #engine: EngineTrainingNetwork;

  /** @param engine Owned from here on. */
  constructor(
    engine: EngineTrainingNetwork,
    { imageSize, batchSize }: { imageSize: readonly [number, number]; batchSize: number },
  ) {
    this.spec = engine.spec;
    this.imageSize = imageSize;
    this.batchSize = batchSize;
    this.#engine = engine;
  }

  predict(images: Images): Promise<Logits> {
    return this.#engine.predict(images);
  }

  get form(): Forms {
    return this.#engine.form;
  }

  switchToDeploy(blocks?: readonly string[]): Promise<void> {
    return this.#engine.switchToDeploy(blocks);
  }

  features(images: Images): Promise<Images[]> {
    return this.#engine.features(images);
  }

  async trainStep(images: Images, loss: LossFunction<Tensor, Scalar>, step: OptimizerStep): Promise<TrainStepResult> {
    const outputs = this.#engine.forward(images);
    // The loss is mostly small, [N, C]: plain JavaScript is fast enough, and the same everywhere.
    const result = await withTfjsBackend("cpu", () => lossGradient(loss, outputs));
    const { loss: value, gradients } = result;
    const rest = Number.isFinite(value) ? this.#engine.backwardAndUpdate(gradients, step) : this.#engine.drop(step);
    return { loss: value, logits: outputs.logits, ...rest };
  }

  exportState(): Promise<StateDict> {
    return this.#engine.exportState();
  }

  exportOptimizerState(): Promise<Map<string, NdArray>> {
    return this.#engine.exportOptimizerState();
  }

  importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void> {
    return this.#engine.importOptimizerState(state);
  }

  exportAverage(): Promise<StateDict | undefined> {
    return this.#engine.exportAverage();
  }

  importAverage(average: StateDict): Promise<void> {
    return this.#engine.importAverage(average);
  }

  predictAverage(images: Images): Promise<Logits> {
    return this.#engine.predictAverage(images);
  }

  dispose(): void {
    this.#engine.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
