import type { TrainerOptions } from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import type { OpenSource } from "./batch-sources.ts";
import type { OpenTraining } from "./open-training.ts";
import { preprocessingOfEpoch } from "./progressive-size.ts";
import { trainableNetwork, trainingSource } from "./training-parts.ts";
import type { TrainingPlan } from "./training-plan.ts";

/**
 * What a Trainer needs for images that grow: at each new size, a network of that size, which takes over all that the one before has
 * learnt. The validation is of images of the last size.
 */
export class GrowingTraining {
  readonly #plan: TrainingPlan;
  readonly #device: OpenTraining["device"];
  readonly #student: OpenTraining["student"];
  readonly #terminal: Pick<Terminal, "note">;
  #size: number;
  #made: { network: TrainerOptions["network"]; data: OpenSource } | undefined;
  /** The network before that, which the Trainer still takes the optimiser's state from. */
  #before: TrainerOptions["network"] | undefined;

  /** @param epoch That the training begins with. */
  constructor(
    plan: TrainingPlan,
    { device, student }: Pick<OpenTraining, "device" | "student">,
    terminal: Pick<Terminal, "note">,
    epoch: number,
  ) {
    this.#plan = plan;
    this.#device = device;
    this.#student = student;
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
    this.#student.network = network;
    return this.#made;
  }

  /** Frees what was made. Safe to call twice. */
  async close(): Promise<void> {
    this.#before?.dispose();
    this.#made?.network.dispose();
    await this.#made?.data.close();
  }
}
