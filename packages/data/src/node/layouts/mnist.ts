import type { ImageDataset } from "../../dataset.ts";
import { loadMnist } from "../load-mnist.ts";
import type { Layout } from "./layout.ts";
import type { FolderEntries } from "./read-folder.ts";

const IMAGES = /^(train|t10k)-images[-.]idx3-ubyte(\.gz)?$/;

export const hasMnistFiles = ({ files }: FolderEntries): boolean => files.some((name) => IMAGES.test(name));

/** The idx files of MNIST and its relatives, which lie in memory as a whole. */
export async function readMnist(root: string, { files }: FolderEntries): Promise<Layout<ImageDataset>> {
  const has = (prefix: string) => files.some((name) => IMAGES.exec(name)?.[1] === prefix);
  const train = has("train") ? await loadMnist(root, { split: "train" }) : undefined;
  const val = has("t10k") ? await loadMnist(root, { split: "test" }) : undefined;
  const { classes } = (train ?? val)!;
  return {
    kind: "mnist",
    recognisedBy: "idx files",
    classIds: classes,
    classes,
    splits: { ...(train && { train }), ...(val && { val }) },
    problems: [],
  };
}
