import type { Device } from "@repvgg/backend";
import { RepvggError } from "@repvgg/core";
import type { Preprocessing } from "@repvgg/data";
import type { TrainerOptions } from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import type { OpenSource } from "./batch-sources.ts";
import { resized } from "./predict-images.ts";
import type { Settings } from "./settings.ts";
import { trainableNetwork, trainingSource } from "./training-parts.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** Sizes that a training grows through, as EfficientNetV2's. */
const STAGES = 4;
const MULTIPLE = 8;
const SMALLEST = 8;
const LARGEST = 16384;

/** Height and width of the first and of the last images. */
export interface GrowingSize {
  readonly from: number;
  readonly to: number;
}

/** `160:224`. @throws {RepvggError} `E_USAGE`: no two sizes that grow, or `--image-size` is another than the last. */
export function growingSizeOf({ progressive, imageSize }: Settings): GrowingSize | undefined {
  if (progressive === undefined) return undefined;
  const [from = 0, to = 0, ...more] = progressive.split(":").map(Number);
  const fits = (size: number) => Number.isInteger(size) && size >= SMALLEST && size <= LARGEST;
  if (!fits(from) || !fits(to) || from >= to || more.length > 0) {
    throw new RepvggError("E_USAGE", `--progressive must be two sizes that grow, as 160:224, got "${progressive}".`);
  }
  if (imageSize !== undefined && imageSize !== to) {
    throw new RepvggError(
      "E_USAGE",
      `--progressive ends at ${to}, and --image-size is ${imageSize}. Leave the latter out.`,
    );
  }
  return { from, to };
}

/**
 * Height and width of the images of an epoch: four sizes at equal distances, each for a quarter of the epochs, in multiples of 8.
 *
 * @param epoch Counted from 0.
 * @see Tan and Le 2021, EfficientNetV2, §4.2. https://arxiv.org/abs/2104.00298
 */
export function sizeOfEpoch({ from, to }: GrowingSize, epoch: number, epochs: number): number {
  const stages = Math.min(STAGES, epochs);
  const stage = Math.min(stages - 1, Math.floor((epoch * stages) / epochs));
  if (stage === stages - 1) return to;
  return Math.min(to, Math.round((from + ((to - from) * stage) / (stages - 1)) / MULTIPLE) * MULTIPLE);
}

/** The preprocessing of the training images of an epoch; validation keeps the plan's. */
export function preprocessingOfEpoch({ settings, preprocessing }: TrainingPlan, epoch: number): Preprocessing {
  const growing = growingSizeOf(settings);
  return growing ? resized(preprocessing, sizeOfEpoch(growing, epoch, settings.epochs)) : preprocessing;
}

/**
 * What a Trainer needs for images that grow: at each new size, a network of that size, which takes over all that the one before has
 * learnt. The validation is of images of the last size.
 */
export class GrowingTraining {
  readonly #plan: TrainingPlan;
  readonly #device: Device;
  readonly #terminal: Pick<Terminal, "note">;
  #size: number;
  #made: { network: TrainerOptions["network"]; data: OpenSource } | undefined;
  /** The network before that, which the Trainer still takes the optimiser's state from. */
  #before: TrainerOptions["network"] | undefined;

  /** @param epoch That the training begins with. */
  constructor(plan: TrainingPlan, device: Device, terminal: Pick<Terminal, "note">, epoch: number) {
    this.#plan = plan;
    this.#device = device;
    this.#terminal = terminal;
    this.#size = preprocessingOfEpoch(plan, epoch).size[0];
  }

  get options(): Pick<TrainerOptions, "prepareEpoch" | "evaluationNetwork"> {
    const { spec, preprocessing, settings } = this.#plan;
    return {
      prepareEpoch: (epoch, network) => this.#prepare(epoch, network),
      evaluationNetwork: (state) =>
        this.#device.createNetwork({
          spec,
          state,
          form: "train",
          imageSize: preprocessing.size,
          batchSize: settings.batchSize,
        }),
    };
  }

  async #prepare(epoch: number, before: TrainerOptions["network"]) {
    const preprocessing = preprocessingOfEpoch(this.#plan, epoch);
    const { size } = preprocessing;
    if (size[0] === this.#size) return undefined;
    const network = await trainableNetwork(this.#device, this.#plan, await before.exportState(), size);
    this.#before?.dispose();
    this.#before = this.#made?.network; // not the first one, which is its owner's
    await this.#made?.data.close();
    const data = await trainingSource(this.#plan, preprocessing, this.#terminal);
    this.#terminal.note(`Epoch ${epoch + 1}: images of ${size.join("x")}`);
    this.#size = size[0];
    this.#made = { network, data };
    return this.#made;
  }

  /** Frees what was made. Safe to call twice. */
  async close(): Promise<void> {
    this.#before?.dispose();
    this.#made?.network.dispose();
    await this.#made?.data.close();
  }
}
