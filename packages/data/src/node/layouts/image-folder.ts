import type { EncodedDataset } from "../../encoded-dataset.ts";
import { readClassFolders } from "./class-folders.ts";
import { readClassNames } from "./class-names.ts";
import type { Layout } from "./layout.ts";
import type { FolderEntries } from "./read-folder.ts";
import { isFlat, labelLikeTraining, readTrainingFolders, splitFolders, trainingSplit } from "./split-folders.ts";

const FLAT_ADVICE =
  "Move each image into a folder of its class, as in the training folder, or list them in a table (val.csv: path,label).";

/**
 * torchvision's ImageFolder: `train/CLASS/...` and `val/CLASS/...`, or class folders alone. The labels are the places of the
 * training folders' names in sorted order.
 *
 * @param root Absolute.
 * @param entries What lies in it.
 */
export async function readImageFolder(root: string, entries: FolderEntries): Promise<Layout> {
  const found = splitFolders(entries);
  const names = await readClassNames(root);
  const trainPath = found.train ?? "";
  const training = await readTrainingFolders(root, trainPath, names);
  const { classIds, classes, problems } = training;
  const layout = { kind: "image-folder", classIds, classes, problems } as const;
  if (found.train === undefined) {
    return { ...layout, recognisedBy: "class folders with images", splits: { all: trainingSplit(training) } };
  }

  const splits: Record<string, EncodedDataset> = { train: trainingSplit(training) };
  const unlabelled: Record<string, number> = {};
  for (const split of ["val", "test"] as const) {
    const path = found[split];
    if (path === undefined) continue;
    const folders = await readClassFolders(root, path);
    if (split === "test" && isFlat(folders, classIds)) {
      // As the organisers of a competition publish it.
      unlabelled[path] =
        folders.loose.length + [...folders.classes.values()].reduce((n, { images }) => n + images.length, 0);
      continue;
    }
    const dataset = labelLikeTraining(training, folders, FLAT_ADVICE);
    if (dataset) splits[split] = dataset;
  }
  const parts = [found.train, found.val, found.test].filter((path) => path !== undefined);
  return {
    ...layout,
    recognisedBy: `${parts.map((path) => `${path}/`).join(" and ")} with class folders`,
    splits,
    unlabelled,
  };
}
