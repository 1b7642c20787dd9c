import {
  type Forms,
  type Images,
  type Logits,
  type LossFunction,
  type NdArray,
  type Network,
  ndArray,
  type OptimizerStep,
  type RepVggSpec,
  ShapeError,
  type StateDict,
  sizeOf,
  type TrainableNetwork,
  type TrainStepResult,
  zeros,
} from "@repvgg/core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { explainMemory } from "./out-of-memory.ts";
import { type TfjsBackend, withTfjsBackend } from "./tfjs-backend.ts";

/** A tfjs network that always runs on its own backend, takes images of one size, and bounds the memory of a prediction. */
export class TfjsDeviceNetwork<N extends Network> implements Network {
  readonly spec: RepVggSpec;
  readonly imageSize: readonly [height: number, width: number];
  protected readonly network: N;
  protected readonly backend: TfjsBackend;
  readonly #batchSize: number;

  /** @param network Owned from here on. */
  constructor(
    network: N,
    backend: TfjsBackend,
    { imageSize, batchSize }: { imageSize: readonly [number, number]; batchSize: number },
  ) {
    this.spec = network.spec;
    this.network = network;
    this.backend = backend;
    this.imageSize = imageSize;
    this.#batchSize = batchSize;
  }

  async predict(images: Images): Promise<Logits> {
    const [logits] = await this.inParts(images, async (part) => [await this.network.predict(part)]);
    return logits as Logits;
  }

  async features(images: Images): Promise<Images[]> {
    return (await this.inParts(images, (part) => this.network.features(part))) as Images[];
  }

  /** Runs batches of images, and puts what each gives one after the other. */
  protected async inParts(images: Images, run: (part: Images) => Promise<NdArray[]>): Promise<NdArray[]> {
    this.checkImages(images);
    const [count] = images.shape;
    let results: NdArray[] = [];
    for (let start = 0; start < count; start += this.#batchSize) {
      const part = rows(images, start, Math.min(count, start + this.#batchSize));
      const arrays = await this.compute(part, () => run(part));
      if (start === 0) results = arrays.map(({ shape }) => zeros([count, ...shape.slice(1)]));
      for (const [i, { shape, data }] of arrays.entries()) results[i]!.data.set(data, start * sizeOf(shape.slice(1)));
    }
    return results;
  }

  /**
   * Computes something of images on the network's backend.
   *
   * @throws {RepvggError} `E_MEMORY`: its memory does not suffice.
   */
  protected async compute<T>({ shape: [count] }: Images, work: () => Promise<T>): Promise<T> {
    try {
      return await withTfjsBackend(this.backend, work);
    } catch (error) {
      throw explainMemory(error, count, this.imageSize);
    }
  }

  get form(): Forms {
    return this.network.form;
  }

  switchToDeploy(blocks?: readonly string[]): Promise<void> {
    return withTfjsBackend(this.backend, () => this.network.switchToDeploy(blocks));
  }

  exportState(): Promise<StateDict> {
    return withTfjsBackend(this.backend, () => this.network.exportState());
  }

  dispose(): void {
    this.network.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @throws {ShapeError} */
  protected checkImages({ shape, data }: Images): void {
    const expected = [...this.imageSize, this.spec.inputChannels];
    const fits = shape.length === 4 && shape[0] >= 1 && expected.every((n, i) => n === shape[i + 1]);
    if (!fits || data.length !== sizeOf(shape)) throw new ShapeError("images", `[N, ${expected.join(", ")}]`, shape);
  }
}

/** The same, learning. */
export class TfjsDeviceTrainableNetwork
  extends TfjsDeviceNetwork<TrainableNetwork<Tensor, Scalar>>
  implements TrainableNetwork<Tensor, Scalar>
{
  async trainStep(images: Images, loss: LossFunction<Tensor, Scalar>, step: OptimizerStep): Promise<TrainStepResult> {
    this.checkImages(images);
    return this.compute(images, () => this.network.trainStep(images, loss, step));
  }

  exportOptimizerState(): Promise<Map<string, NdArray>> {
    return withTfjsBackend(this.backend, () => this.network.exportOptimizerState());
  }

  importOptimizerState(state: ReadonlyMap<string, NdArray>): Promise<void> {
    return withTfjsBackend(this.backend, () => this.network.importOptimizerState(state));
  }

  exportAverage(): Promise<StateDict | undefined> {
    return withTfjsBackend(this.backend, () => this.network.exportAverage());
  }

  importAverage(average: StateDict): Promise<void> {
    return withTfjsBackend(this.backend, () => this.network.importAverage(average));
  }

  async predictAverage(images: Images): Promise<Logits> {
    const [logits] = await this.inParts(images, async (part) => [await this.network.predictAverage(part)]);
    return logits as Logits;
  }
}

/** The images from `start` to before `end`, as a view. */
function rows({ shape: [, H, W, C], data }: Images, start: number, end: number): Images {
  const imageLength = H * W * C;
  return ndArray([end - start, H, W, C], data.subarray(start * imageLength, end * imageLength));
}
