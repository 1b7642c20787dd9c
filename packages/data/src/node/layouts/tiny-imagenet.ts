import { join } from "node:path";
import { some } from "./class-folders.ts";
import { readClassNames } from "./class-names.ts";
import { labelByTable } from "./label-by-table.ts";
import type { DatasetProblem, Layout } from "./layout.ts";
import { listImages } from "./list-images.ts";
import { readFolderIfThere, readLinesIfThere } from "./read-folder.ts";
import { readTrainingFolders, trainingSplit } from "./split-folders.ts";

/**
 * Tiny-ImageNet as it is downloaded: `train/WNID/images/*.JPEG`, a flat `val/images/` whose classes stand in
 * `val/val_annotations.txt`, names in `words.txt`, and a `test/` without labels.
 *
 * @param root Absolute.
 */
export async function readTinyImagenet(root: string): Promise<Layout> {
  const training = await readTrainingFolders(root, "train", await readClassNames(root));
  const { classIds, classes, problems } = training;
  const annotations = (await readLinesIfThere(join(root, "val", "val_annotations.txt"))) ?? [];
  const classOf = new Map(
    annotations.flatMap((line) => {
      const [name, id] = line.split("\t");
      return name && id ? [[name, id] as const] : [];
    }),
  );
  const { images } = await listImages(join(root, "val", "images"));
  const validation = labelByTable(
    { root, path: "val/images", images, classOf, table: "val/val_annotations.txt" },
    training,
  );
  problems.push(...(await wnidDifferences(root, classIds)));

  const test = await readFolderIfThere(join(root, "test", "images"));
  return {
    kind: "tiny-imagenet",
    recognisedBy: "val/val_annotations.txt",
    classIds,
    classes,
    splits: { train: trainingSplit(training), ...(validation && { val: validation }) },
    ...(test && { unlabelled: { test: test.files.length } }),
    problems,
  };
}

async function wnidDifferences(root: string, classIds: readonly string[]): Promise<DatasetProblem[]> {
  const wnids = (await readLinesIfThere(join(root, "wnids.txt")))?.map((line) => line.trim()).filter(Boolean);
  const absent = wnids?.filter((id) => !classIds.includes(id)) ?? [];
  if (absent.length === 0) return [];
  return [
    {
      code: "incomplete",
      severity: "warning",
      message: `train/ lacks ${absent.length} of the ${wnids!.length} classes in wnids.txt: ${some(absent)}. Is the data set unpacked completely?`,
      files: absent.map((id) => `train/${id}`),
    },
  ];
}
