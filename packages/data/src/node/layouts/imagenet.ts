import { dirname, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import type { EncodedDataset } from "../../encoded-dataset.ts";
import { readClassFolders } from "./class-folders.ts";
import { readClassNames } from "./class-names.ts";
import { labelByTable } from "./label-by-table.ts";
import type { Layout } from "./layout.ts";
import { readFolderIfThere, readLinesIfThere } from "./read-folder.ts";
import {
  isFlat,
  labelLikeTraining,
  readTrainingFolders,
  type TrainingFolders,
  trainingSplit,
} from "./split-folders.ts";

const IMAGES = join("ILSVRC", "Data", "CLS-LOC");
const SYNSETS = "LOC_synset_mapping.txt";
const SOLUTION = "LOC_val_solution.csv";
const FLAT_ADVICE = `Put ${SOLUTION} (of the Kaggle download) beside the data set, or move each image into a folder of its class's id.`;

/** Where the parts of an ImageNet download lie. */
export interface ImagenetFolders {
  /** The folder of `train` and `val`. */
  readonly images: string;
  /** The folder of the tables. */
  readonly tables: string;
}

/** Recognises ImageNet by its own folders, or by its tables beside or above `train/`. */
export async function findImagenet(root: string): Promise<ImagenetFolders | undefined> {
  const images = (await readFolderIfThere(join(root, IMAGES))) ? join(root, IMAGES) : root;
  if ((await readFolderIfThere(join(images, "train"))) === undefined) return undefined;
  for (let tables = root, up = 0; up < 4; tables = dirname(tables), up++) {
    if (await readLinesIfThere(join(tables, SYNSETS))) return { images, tables };
  }
  return images === root ? undefined : { images, tables: root };
}

/**
 * ImageNet (ILSVRC 2012): `train/WNID/*.JPEG` and `val/`, in class folders or flat with `LOC_val_solution.csv`; names from
 * `LOC_synset_mapping.txt`.
 */
export async function readImagenet({ images, tables }: ImagenetFolders): Promise<Layout> {
  const training = await readTrainingFolders(images, "train", await readClassNames(tables));
  const { classIds, classes, problems } = training;
  const hasVal = (await readFolderIfThere(join(images, "val"))) !== undefined;
  const validation = hasVal ? await readValidation(training, tables) : undefined;
  const test = await readFolderIfThere(join(images, "test"));
  return {
    kind: "imagenet",
    recognisedBy: images === tables ? SYNSETS : `${IMAGES} or ${SYNSETS}`,
    classIds,
    classes,
    splits: { train: trainingSplit(training), ...(validation && { val: validation }) },
    ...(test && { unlabelled: { test: test.files.length } }),
    problems,
  };
}

async function readValidation(training: TrainingFolders, tables: string): Promise<EncodedDataset | undefined> {
  const folders = await readClassFolders(training.root, "val");
  const solution = isFlat(folders, training.classIds) && (await readLinesIfThere(join(tables, SOLUTION)));
  if (!solution) return labelLikeTraining(training, folders, FLAT_ADVICE);
  const classOf = new Map(solution.slice(1).filter(Boolean).map(parseSolution));
  return labelByTable({ root: training.root, path: "val", images: folders.loose, classOf, table: SOLUTION }, training);
}

/** `ILSVRC2012_val_00048981,n03995372 85 1 499 272` → the file's name, and the class of the first box. */
function parseSolution(line: string): [name: string, id: string] {
  const match = /^([^,]+),(\S+)/.exec(line);
  if (match) return [`${match[1]}.JPEG`, match[2]!];
  throw new RepvggError(
    "E_DATA",
    `${SOLUTION} has a line that is not "ImageId,PredictionString": ${line.slice(0, 80)}`,
  );
}
