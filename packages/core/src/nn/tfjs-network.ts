import { type Tensor, type Tensor4D, tensor4d, tidy } from "@tensorflow/tfjs-core";
import { RepvggError, ShapeError } from "../errors.ts";
import { type LayerPlan, layerPlan } from "../layer-plan.ts";
import { type Images, type Logits, type NdArray, ndArray, sizeOf } from "../nd-array.ts";
import type { Network, Outputs } from "../network.ts";
import type { Form, RepVggSpec } from "../spec.ts";
import type { StateDict } from "../state-dict.ts";
import { stateLayout } from "../state-layout.ts";
import { forward, inferenceNormalize } from "./forward.ts";
import { Variables } from "./variables.ts";

/**
 * A RepVGG on the current tfjs backend, in either form.
 *
 * Owns its variables: call {@link dispose} when done.
 */
export class TfjsNetwork implements Network {
  readonly spec: RepVggSpec;
  readonly form: Form;
  protected readonly variables: Variables;
  /** Of 1×1 images: nothing here depends on their size. */
  protected readonly plan: LayerPlan;
  #disposed = false;

  /** @param state Checked already; copied. */
  constructor(spec: RepVggSpec, form: Form, state: ReadonlyMap<string, NdArray>) {
    this.spec = spec;
    this.form = form;
    this.plan = layerPlan(spec, [1, 1]);
    this.variables = new Variables(stateLayout(this.plan, form), state);
  }

  async predict(images: Images): Promise<Logits> {
    const [logits] = await this.#infer(images, ({ logits }) => [logits]);
    return logits as Logits;
  }

  async features(images: Images): Promise<Images[]> {
    return (await this.#infer(images, ({ features }) => features)) as Images[];
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

  async #infer(images: Images, wanted: (outputs: Outputs<Tensor>) => readonly Tensor[]): Promise<NdArray[]> {
    this.assertUsable();
    this.checkImages(images);
    const tensors = tidy(() => {
      const parameter = this.variables.get.bind(this.variables);
      return [...wanted(forward(this.plan, this.form, parameter, inferenceNormalize(parameter), toTensor(images)))];
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
