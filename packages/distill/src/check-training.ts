import { type Images, type RepVggSpec, RepvggError, ShapeError } from "@repvgg/core";
import type { Batch, BatchSource } from "./batch-source.ts";
import type { Classifier } from "./classifier.ts";
import type { Student, TrainerOptions } from "./trainer-types.ts";

/**
 * Whether a training can begin.
 *
 * @throws {RepvggError} `E_USAGE`, `E_DATA`: an option is out of range, or network and data do not fit together.
 */
export function checkTrainerOptions(options: TrainerOptions): void {
  const { network, data, validation, epochs, saveEverySteps = 1, accumulate = 1, patience = 1 } = options;
  for (const [name, value] of Object.entries({ epochs, saveEverySteps, accumulate, patience })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new RepvggError("E_USAGE", `${name} must be a whole number, 1 or more, got ${value}.`);
  }
  if (network.form !== "train") {
    throw new RepvggError("E_USAGE", "A network in deploy form cannot be trained. Train its train form, then fuse it.");
  }
  checkSource(data, network.spec, "training set");
  checkBatchSize(data, network.batchSize);
  if (validation) checkSource(validation, network.spec, "validation set");
}

/**
 * Whether a network can learn from, or be judged on, a data set: found out before the first step.
 *
 * @param what Names the data set in messages: "training set".
 * @throws {RepvggError} `E_DATA`: no images, no whole batch, other classes than the network, a label that is no class.
 */
export function checkSource(source: BatchSource, spec: Classifier["spec"], what: string): void {
  const { dataset, batchesPerEpoch } = source;
  const { numClasses } = spec;
  if (dataset.length === 0) {
    throw new RepvggError("E_DATA", `The ${what} has no images. Check its folder and any limit on its length.`);
  }
  if (!(batchesPerEpoch >= 1)) {
    throw new RepvggError(
      "E_DATA",
      `The ${what} has ${dataset.length} images, which do not fill one batch. Make the batch smaller.`,
    );
  }
  if (dataset.classes && dataset.classes.length !== numClasses) {
    throw new RepvggError(
      "E_DATA",
      `The network has ${numClasses} classes, but the ${what} has ${dataset.classes.length}. ` +
        "Each output must be one class of the data: make the network with as many classes as the data.",
    );
  }
  if (!dataset.label) return;
  for (let i = 0; i < dataset.length; i++) checkLabel(dataset.label(i), i, numClasses, what);
}

/**
 * Whether a batch fits the network.
 *
 * @throws {ShapeError} other channels than the network's, or another number of labels than of images.
 * @throws {RepvggError} `E_DATA`: a label that is no class.
 */
export function checkBatch({ images, labels, indices }: Batch, spec: Classifier["spec"], what: string): void {
  const [N] = images.shape;
  if (images.shape.length !== 4 || images.shape[3] !== spec.inputChannels) {
    throw new ShapeError(`A batch of the ${what}`, `[N, H, W, ${spec.inputChannels}]`, images.shape);
  }
  if (labels.length !== N) throw new ShapeError(`The labels of a batch of the ${what}`, `[${N}]`, [labels.length]);
  if (indices.length !== N) throw new ShapeError(`The indices of a batch of the ${what}`, `[${N}]`, [indices.length]);
  for (let i = 0; i < N; i++) checkLabel(labels[i]!, indices[i]!, spec.numClasses, what);
}

/**
 * Whether a source gives batches of the one size that the network takes, if it takes only one.
 *
 * @throws {RepvggError} `E_DATA`: another batch size, or a smaller last batch.
 */
export function checkBatchSize({ dataset, batchSize, batchesPerEpoch }: BatchSource, networkBatchSize?: number): void {
  if (batchSize === undefined || networkBatchSize === undefined) return;
  if (batchSize !== networkBatchSize) {
    throw new RepvggError(
      "E_DATA",
      `The network was made for batches of ${networkBatchSize} images, the training set gives batches of ${batchSize}. ` +
        "Make both with the same batch size.",
    );
  }
  if (batchSize * batchesPerEpoch > dataset.length) {
    throw new RepvggError(
      "E_DATA",
      `The last batch of the training set has only ${dataset.length % batchSize} images, and the network takes only ` +
        `batches of ${batchSize}. Let the loader leave it out (\`dropLast: true\`).`,
    );
  }
}

/**
 * Takes the first batch of each source and checks them, so that a validation set that does not fit is not found out only
 * after an epoch.
 *
 * @throws {RepvggError} as {@link checkBatch}; `E_DATA`: the two have images of different sizes.
 */
export async function checkFirstBatches(
  data: BatchSource,
  validation: BatchSource | undefined,
  { spec, imageSize }: Pick<Student, "spec" | "imageSize">,
): Promise<void> {
  const images = await firstImages(data, spec, "training set");
  const [, H, W] = images.shape;
  if (imageSize && (H !== imageSize[0] || W !== imageSize[1])) {
    throw new RepvggError(
      "E_DATA",
      `Images of the training set are ${H}×${W} pixels, but the network was made for ${imageSize.join("×")}. ` +
        "Make the network for the size of the images, or bring them to its size.",
    );
  }
  if (!validation) return;
  const others = await firstImages(validation, spec, "validation set");
  if (H !== others.shape[1] || W !== others.shape[2]) {
    const size = `${others.shape[1]}×${others.shape[2]}`;
    throw new RepvggError(
      "E_DATA",
      `Images of the training set are ${H}×${W} pixels, those of the validation set ${size}. Bring both to the same size.`,
    );
  }
}

async function firstImages(source: BatchSource, spec: RepVggSpec, what: string): Promise<Images> {
  for await (const batch of source.batches(0, 0)) {
    checkBatch(batch, spec, what);
    return batch.images;
  }
  throw new RepvggError("E_DATA", `The loader of the ${what} gave no batch, though it announced some.`);
}

function checkLabel(label: number, index: number, numClasses: number, what: string): void {
  if (Number.isInteger(label) && label >= 0 && label < numClasses) return;
  throw new RepvggError(
    "E_DATA",
    `Image ${index} of the ${what} has the label ${label}, but the network has the classes 0 to ${numClasses - 1}. ` +
      "Make the network with as many classes as the data.",
  );
}
