import { type Tensor, type Tensor4D, tensor4d, tidy } from "@tensorflow/tfjs-core";
import { RepvggError, ShapeError } from "../errors.ts";
import { formOf } from "../form-of.ts";
import { freezeEntries } from "../frozen-blocks.ts";
import { fuseState } from "../fuse-network.ts";
import { type LayerPlan, layerPlan } from "../layer-plan.ts";
import { type Images, type Logits, type NdArray, ndArray, sizeOf } from "../nd-array.ts";
import { nearestName } from "../nearest-name.ts";
import type { Network, Outputs } from "../network.ts";
import type { Forms, RepVggSpec } from "../spec.ts";
import type { StateDict } from "../state-dict.ts";
import { stateLayout } from "../state-layout.ts";
import { type BlockTensors, blockTensors } from "./block-tensors.ts";
import { forward, inferenceNormalize, type Parameter } from "./forward.ts";
import { Variables } from "./variables.ts";

/**
 * A RepVGG on the current tfjs backend, in either form.
 *
 * Owns its variables: call {@link dispose} when done.
 */
export class TfjsNetwork implements Network {
  readonly spec: RepVggSpec;
  #form: Forms;
  protected variables: Variables;
  /** Of 1×1 images: nothing here depends on their size. */
  protected readonly plan: LayerPlan;
  #disposed = false;

  /**
   * @param state Checked already; copied.
   * @param frozen Blocks, from the input on, that do not learn.
   */
  constructor(spec: RepVggSpec, form: Forms, state: ReadonlyMap<string, NdArray>, frozen = 0) {
    this.spec = spec;
    this.#form = form;
    this.plan = layerPlan(spec, [1, 1]);
    this.variables = new Variables(freezeEntries(stateLayout(this.plan, form), frozen), state);
  }

  get form(): Forms {
    return this.#form;
  }

  predict(images: Images): Promise<Logits> {
    return this.predictWith(images, this.variables.get.bind(this.variables));
  }

  /** Logits in inference mode, with what `parameter` gives. */
  protected async predictWith(images: Images, parameter: Parameter): Promise<Logits> {
    const [logits] = await this.#infer(images, parameter, ({ logits }) => [logits]);
    return logits as Logits;
  }

  async features(images: Images): Promise<Images[]> {
    const parameter = this.variables.get.bind(this.variables);
    return (await this.#infer(images, parameter, ({ features }) => features)) as Images[];
  }

  /**
   * The tensors of a block in train form, borrowed: for a loss that penalises its fused kernel, see `equivalentKernelBias`.
   *
   * @param name `stage1.0`, …
   * @throws {RepvggError} `E_USAGE`: there is no such block; `E_STATE`: it is in deploy form.
   */
  block(name: string): BlockTensors {
    this.assertUsable();
    const block = this.plan.blocks.find((candidate) => candidate.name === name);
    if (!block) {
      const nearest = nearestName(
        name,
        this.plan.blocks.map((candidate) => candidate.name),
      );
      throw new RepvggError("E_USAGE", `There is no block "${name}". Did you mean ${nearest}?`);
    }
    return blockTensors(block, this.variables.get.bind(this.variables));
  }

  async switchToDeploy(blocks?: readonly string[]): Promise<void> {
    this.assertUsable();
    const state = fuseState(this.spec, await this.variables.export(), blocks);
    this.assertUsable(); // it may have been disposed meanwhile
    this.#form = formOf(state);
    this.variables.dispose();
    this.variables = new Variables(stateLayout(this.plan, this.#form), state);
  }

  async exportState(): Promise<StateDict> {
    this.assertUsable();
    return this.variables.export();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.variables.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #infer(
    images: Images,
    parameter: Parameter,
    wanted: (outputs: Outputs<Tensor>) => readonly Tensor[],
  ): Promise<NdArray[]> {
    this.assertUsable();
    this.checkImages(images);
    const tensors = tidy(() => {
      const options = { form: this.form, parameter, normalize: inferenceNormalize(parameter), auxiliary: false };
      return [...wanted(forward(this.plan, toTensor(images), options))];
    });
    try {
      return await Promise.all(
        tensors.map(async (tensor) => ndArray([...tensor.shape], await tensor.data<"float32">())),
      );
    } finally {
      for (const tensor of tensors) tensor.dispose();
    }
  }

  protected get disposed(): boolean {
    return this.#disposed;
  }

  protected assertUsable(): void {
    if (this.#disposed) throw new RepvggError("E_DISPOSED", "The network was used after dispose().");
  }

  protected checkImages({ shape, data }: Images): void {
    const { inputChannels } = this.spec;
    const fits = shape.length === 4 && shape.every((n) => n >= 1) && shape[3] === inputChannels;
    if (!fits || data.length !== sizeOf(shape)) throw new ShapeError("images", `[N, H, W, ${inputChannels}]`, shape);
  }
}

/** The images as a tensor over a copy: tfjs keeps what it is given, and these are only borrowed. */
export function toTensor({ shape, data }: Images): Tensor4D {
  return tensor4d(data.slice(), [...shape]);
}
