import { type Accumulation, type NdArray, ndArray, RepvggError, sameShape, seededRandom } from "@repvgg/core";
import {
  add,
  keep,
  matMul,
  ones,
  reshape,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import type { ObjectiveBatch } from "./objective.ts";
import { watchGradient } from "./watch-gradient.ts";

const MOMENTUM = 0.9;
/** A batch that makes an update by itself. */
const ALONE: Accumulation = { weight: 1, last: true };

interface Parameters {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** One projection: the weights, their momentum buffers, and gradients on their way to them. */
interface Projection extends Parameters {
  readonly shape: readonly [inputs: number, outputs: number];
  readonly velocity: Parameters;
  /** What the batch that is being done has left. */
  seen: { weight: Tensor; bias: Tensor }[];
  /** Of the batches of an update that is not complete. */
  gathered: Parameters | undefined;
}

/**
 * FitNets' regressors: a 1×1 convolution for each stage, from the student's width to the teacher's, learnt with the student.
 *
 *     r(f) = f · W + b        v ← 0.9 v + g,  W ← W − η v
 *
 * They belong to the loss, not to the network, and are thrown away after the training. Their gradients are seen on the way
 * back through the loss, so they learn on every device; the arithmetic of the update is plain JavaScript and the same everywhere.
 *
 * @see Romero et al. 2014, FitNets, §2.2. https://arxiv.org/abs/1412.6550
 */
export class HintProjections {
  readonly #seed: number;
  readonly #projections = new Map<number, Projection>();

  constructor({ seed = 0 }: { seed?: number } = {}) {
    this.#seed = seed;
  }

  /**
   * Brings a stage's features to the teacher's width; synchronous tfjs code, for use in a loss.
   *
   * @param stage Which projection; made when it is first used.
   * @param features `[N, h, w, C]`.
   * @returns `[N, h, w, channels]`; the caller owns it.
   */
  project(stage: number, features: Tensor4D, channels: number): Tensor4D {
    const [N, h, w, C] = features.shape;
    const projection = this.#projection(stage, [C, channels]);
    return tidy(() => {
      const flat = reshape(features, [N * h * w, C]) as Tensor2D;
      const product = matMul(flat, tensor2d(projection.weight, [C, channels])) as Tensor2D;
      const bias = matMul(ones([N * h * w, 1]), tensor2d(projection.bias, [1, channels]));
      const projected = watchGradient(add<Tensor2D>(product, bias), (gradient) => {
        projection.seen.push({
          weight: keep(matMul(flat, gradient, true)),
          bias: keep(matMul(ones([1, N * h * w]), gradient)),
        });
      });
      return reshape(projected, [N, h, w, channels]) as Tensor4D;
    });
  }

  /** Learns from the batch's gradient with the network: at once, or when the last batch of the update has come. */
  async afterBatch({ learningRate, applied, accumulation = ALONE }: ObjectiveBatch): Promise<void> {
    for (const projection of this.#projections.values()) {
      const { seen, weight, bias, velocity } = projection;
      projection.seen = [];
      const ofWeight = await takeSum(seen.map(({ weight }) => weight));
      const ofBias = await takeSum(seen.map(({ bias }) => bias));
      if (applied && ofWeight && ofBias) {
        projection.gathered ??= zerosLike(projection);
        addScaled(projection.gathered.weight, ofWeight, accumulation.weight);
        addScaled(projection.gathered.bias, ofBias, accumulation.weight);
      }
      const { gathered } = projection;
      if (!accumulation.last || !gathered) continue;
      projection.gathered = undefined;
      update(weight, velocity.weight, gathered.weight, learningRate);
      update(bias, velocity.bias, gathered.bias, learningRate);
    }
  }

  exportState(): Map<string, NdArray> {
    const state = new Map<string, NdArray>();
    for (const [stage, { shape, weight, bias, velocity }] of this.#projections) {
      const put = (name: string, array: Float32Array, of: readonly number[]) =>
        state.set(`hint.stage${stage}.${name}`, ndArray(of, array.slice()));
      put("weight", weight, shape);
      put("bias", bias, [shape[1]]);
      put("weight.velocity", velocity.weight, shape);
      put("bias.velocity", velocity.bias, [shape[1]]);
    }
    return state;
  }

  /** @throws {RepvggError} `E_STATE`: it is none that {@link exportState} gave. */
  importState(state: ReadonlyMap<string, NdArray>): void {
    this.#projections.clear();
    for (const [name, { shape }] of state) {
      const stage = /^hint\.stage(\d)\.weight$/.exec(name)?.[1];
      if (stage === undefined) continue;
      const take = (part: string, expected: readonly number[]) => {
        const array = state.get(`hint.stage${stage}.${part}`);
        if (array && sameShape(array.shape, expected)) return array.data.slice();
        throw new RepvggError("E_STATE", `The state of the hints does not fit: ${part} of stage ${stage} is missing.`);
      };
      const [inputs, outputs] = shape as [number, number];
      this.#projections.set(Number(stage), {
        shape: [inputs, outputs],
        weight: take("weight", [inputs, outputs]),
        bias: take("bias", [outputs]),
        velocity: { weight: take("weight.velocity", [inputs, outputs]), bias: take("bias.velocity", [outputs]) },
        seen: [],
        gathered: undefined,
      });
    }
  }

  #projection(stage: number, shape: Projection["shape"]): Projection {
    const known = this.#projections.get(stage);
    if (!known) {
      const made = initialProjection(shape, this.#seed * 4 + stage);
      this.#projections.set(stage, made);
      return made;
    }
    if (sameShape(known.shape, shape)) return known;
    throw new RepvggError(
      "E_STATE",
      `The projection of stage ${stage} goes from ${known.shape.join(" to ")} channels, but the features from ` +
        `${shape.join(" to ")}. Resume with the same student and teacher.`,
    );
  }
}

/** PyTorch's for a convolution: uniform in ±1/√inputs. */
function initialProjection(shape: Projection["shape"], seed: number): Projection {
  const [inputs, outputs] = shape;
  const random = seededRandom(seed);
  const bound = 1 / Math.sqrt(inputs);
  const uniform = (length: number) => Float32Array.from({ length }, () => (2 * random() - 1) * bound);
  return {
    shape,
    weight: uniform(inputs * outputs),
    bias: uniform(outputs),
    velocity: { weight: new Float32Array(inputs * outputs), bias: new Float32Array(outputs) },
    seen: [],
    gathered: undefined,
  };
}

/** Reads and frees tensors of one shape; undefined without any. */
async function takeSum(tensors: readonly Tensor[]): Promise<Float32Array | undefined> {
  const arrays = await Promise.all(tensors.map((tensor) => tensor.data<"float32">()));
  for (const tensor of tensors) tensor.dispose();
  const [first, ...rest] = arrays;
  return first && rest.reduce((sum, array) => sum.map((value, i) => value + array[i]!), first);
}

const zerosLike = ({ weight, bias }: Parameters): Parameters => ({
  weight: new Float32Array(weight.length),
  bias: new Float32Array(bias.length),
});

function addScaled(sum: Float32Array, values: Float32Array, scale: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + scale * values[i]!;
}

function update(values: Float32Array, velocity: Float32Array, gradient: Float32Array, learningRate: number): void {
  for (let i = 0; i < values.length; i++) {
    velocity[i] = MOMENTUM * velocity[i]! + gradient[i]!;
    values[i] = values[i]! - learningRate * velocity[i]!;
  }
}
