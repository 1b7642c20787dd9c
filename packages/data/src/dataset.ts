import { RepvggError, sizeOf } from "@repvgg/core";

/** Labelled images of one size, as bytes. Reading one must be cheap: loaders ask again in every epoch. */
export interface ImageDataset {
  readonly length: number;
  /** Names, in label order. */
  readonly classes: readonly string[];
  readonly channels: number;
  readonly size: readonly [height: number, width: number];
  /** `height × width × channels` bytes in HWC order: a view, not to be written to. */
  image(index: number): Uint8Array;
  label(index: number): number;
}

export interface InMemoryData {
  /** All images after one another, `[N, H, W, C]`; kept, not copied. */
  readonly pixels: Uint8Array;
  readonly labels: ArrayLike<number>;
  readonly classes: readonly string[];
  readonly size: readonly [height: number, width: number];
  readonly channels: number;
}

/** A data set that lies in memory as one array of bytes. */
export class InMemoryDataset implements ImageDataset {
  readonly length: number;
  readonly classes: readonly string[];
  readonly channels: number;
  readonly size: readonly [height: number, width: number];
  readonly #pixels: Uint8Array;
  readonly #labels: ArrayLike<number>;
  readonly #imageBytes: number;

  /** @throws {RepvggError} `E_DATA`: as many labels as images are needed, each one of the classes. */
  constructor({ pixels, labels, classes, size, channels }: InMemoryData) {
    this.#imageBytes = sizeOf([...size, channels]);
    this.length = labels.length;
    if (!(this.#imageBytes > 0) || pixels.length !== this.length * this.#imageBytes) {
      throw new RepvggError(
        "E_DATA",
        `${this.length} labels need ${this.length} images of ${size[0]}×${size[1]}×${channels} bytes, ` +
          `got ${pixels.length} bytes in all. Images and labels are perhaps of different sets.`,
      );
    }
    checkLabels(labels, classes);
    this.#pixels = pixels;
    this.#labels = labels;
    this.classes = classes;
    this.size = size;
    this.channels = channels;
  }

  image(index: number): Uint8Array {
    this.#check(index);
    return this.#pixels.subarray(index * this.#imageBytes, (index + 1) * this.#imageBytes);
  }

  label(index: number): number {
    this.#check(index);
    return this.#labels[index]!;
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) throw outOfRange(index, this.length);
  }
}

/** Some images of another data set, in a given order; labels and classes stay. */
export class Subset implements ImageDataset {
  readonly length: number;
  readonly classes: readonly string[];
  readonly channels: number;
  readonly size: readonly [height: number, width: number];
  readonly #dataset: ImageDataset;
  readonly #indices: ArrayLike<number>;

  /** @throws {RepvggError} `E_DATA`: an index is outside the data set. */
  constructor(dataset: ImageDataset, indices: ArrayLike<number>) {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      if (!Number.isInteger(index) || index < 0 || index >= dataset.length) throw outOfRange(index, dataset.length);
    }
    this.#dataset = dataset;
    this.#indices = indices;
    this.length = indices.length;
    this.classes = dataset.classes;
    this.channels = dataset.channels;
    this.size = dataset.size;
  }

  image(index: number): Uint8Array {
    return this.#dataset.image(this.indexInWhole(index));
  }

  label(index: number): number {
    return this.#dataset.label(this.indexInWhole(index));
  }

  /** Position of an image of this subset in the data set that it was taken from. */
  indexInWhole(index: number): number {
    const whole = this.#indices[index];
    if (whole === undefined) throw outOfRange(index, this.length);
    return whole;
  }
}

/**
 * The first `n` images.
 *
 * @throws {RepvggError} `E_DATA`: `n` is not between 1 and the number of images.
 */
export function firstImages(dataset: ImageDataset, n: number): Subset {
  if (!Number.isInteger(n) || n < 1 || n > dataset.length) {
    throw new RepvggError(
      "E_DATA",
      `Cannot take the first ${n} of ${dataset.length} images; choose 1 to ${dataset.length}.`,
    );
  }
  return new Subset(
    dataset,
    Int32Array.from({ length: n }, (_, i) => i),
  );
}

function checkLabels(labels: ArrayLike<number>, classes: readonly string[]): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes.length) {
      throw new RepvggError(
        "E_DATA",
        `Image ${i} has the label ${label}, but there are ${classes.length} classes (0 to ${classes.length - 1}). ` +
          "Give the classes of this data set, or check that the labels are this set's.",
      );
    }
  }
}

const outOfRange = (index: number, length: number) =>
  new RepvggError("E_DATA", `There is no image ${index}: the data set has ${length} (0 to ${length - 1}).`);
