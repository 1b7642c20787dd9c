import { type NdArray, ndArray, RepvggError, sameShape, seededRandom } from "@repvgg/core";
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
import type { ObjectiveStep } from "./objective.ts";
import { watchGradient } from "./watch-gradient.ts";

const MOMENTUM = 0.9;

/** One projection: the weights, their momentum buffers, and the gradients that steps have left. */
interface Projection {
  readonly shape: readonly [inputs: number, outputs: number];
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly velocity: { readonly weight: Float32Array; readonly bias: Float32Array };
  gradients: { weight: Tensor; bias: Tensor }[];
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
        projection.gradients.push({
          weight: keep(matMul(flat, gradient, true)),
          bias: keep(matMul(ones([1, N * h * w]), gradient)),
        });
      });
      return reshape(projected, [N, h, w, channels]) as Tensor4D;
    });
  }

  /** Learns from the mean of the gradients since the last call, or drops them when the step was not applied. */
  async afterStep({ learningRate, applied }: ObjectiveStep): Promise<void> {
    for (const projection of this.#projections.values()) {
      const { weight, bias, velocity, gradients } = projection;
      projection.gradients = [];
      const ofWeight = await takeMean(gradients.map(({ weight }) => weight));
      const ofBias = await takeMean(gradients.map(({ bias }) => bias));
      if (!applied || !ofWeight || !ofBias) continue;
      update(weight, velocity.weight, ofWeight, learningRate);
      update(bias, velocity.bias, ofBias, learningRate);
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
        gradients: [],
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
    gradients: [],
  };
}

/** Reads and frees tensors of one shape; undefined without any. Accumulated gradients leave several. */
async function takeMean(tensors: readonly Tensor[]): Promise<Float32Array | undefined> {
  const arrays = await Promise.all(tensors.map((tensor) => tensor.data<"float32">()));
  for (const tensor of tensors) tensor.dispose();
  const [first, ...rest] = arrays;
  if (first === undefined || rest.length === 0) return first;
  return first.map((value, i) => rest.reduce((sum, array) => sum + array[i]!, value) / arrays.length);
}

function update(values: Float32Array, velocity: Float32Array, gradient: Float32Array, learningRate: number): void {
  for (let i = 0; i < values.length; i++) {
    velocity[i] = MOMENTUM * velocity[i]! + gradient[i]!;
    values[i] = values[i]! - learningRate * velocity[i]!;
  }
}
