import { join } from "node:path";
import { FileList } from "./file-list.ts";
import type { DatasetProblem } from "./layout.ts";
import { type ImageListing, listImages } from "./list-images.ts";
import { isImageName, readFolder } from "./read-folder.ts";

/** Tables that lie among Tiny-ImageNet's images. */
const TINY_IMAGENETS_OWN = /(_boxes|_annotations)\.txt$/;

/** A folder whose folders are classes. */
export interface ClassFolders {
  /** Relative to the data set; empty for the data set's own folder. */
  readonly path: string;
  /** By the folder's name, in label order. */
  readonly classes: ReadonlyMap<string, ImageListing>;
  /** Images that lie beside the class folders, in none of them. */
  readonly loose: readonly string[];
  /** Files beside the class folders that are no images by their names. */
  readonly others: readonly string[];
}

export async function readClassFolders(root: string, path: string): Promise<ClassFolders> {
  const { folders, files } = await readFolder(join(root, path));
  const classes = new Map<string, ImageListing>();
  for (const name of folders) classes.set(name, await listImages(join(root, path, name)));
  const [loose, others] = [files.filter(isImageName), files.filter((name) => !isImageName(name))];
  return { path, classes, loose, others };
}

/**
 * The images of class folders, labelled by `classIds`; folders that are not among them are left out.
 *
 * @param classes Names for people, in the order of `classIds`.
 */
export function labelByFolder(
  root: string,
  folders: ClassFolders,
  classIds: readonly string[],
  classes: readonly string[],
): FileList {
  const names: string[] = [];
  const labels: number[] = [];
  classIds.forEach((id, label) => {
    for (const image of folders.classes.get(id)?.images ?? []) {
      names.push(joinName(folders.path, id, image));
      labels.push(label);
    }
  });
  return new FileList({ root, names, labels: Int32Array.from(labels), classes });
}

/**
 * Empty classes, images outside of the class folders, files that are none.
 *
 * @param emptyClass How bad a class without images is: where the outputs are learnt it is an error, as it is for torchvision.
 */
export function problemsOf(folders: ClassFolders, emptyClass: DatasetProblem["severity"]): DatasetProblem[] {
  const { path, classes, loose, others } = folders;
  const where = path === "" ? "The folder" : `${path}/`;
  const problems: DatasetProblem[] = [];
  const empty = [...classes].filter(([, { images }]) => images.length === 0).map(([name]) => joinName(path, name));
  if (empty.length > 0) {
    problems.push({
      code: "empty-class",
      severity: emptyClass,
      message:
        `${where} has class folders without images: ${some(empty)}. ` +
        "Were they copied completely? Put their images in, or remove the folders if they are no classes.",
      files: empty,
    });
  }
  if (loose.length > 0 && classes.size > 0) {
    problems.push({
      code: "images-without-class",
      severity: "warning",
      message: `${where} has images beside the class folders (${loose.length}), which are left out. Move them into their classes' folders.`,
      files: loose.map((name) => joinName(path, name)),
    });
  }
  const foreign = [
    ...(path === "" ? [] : others.map((name) => joinName(path, name))), // beside the data set lie READMEs and tables
    ...[...classes].flatMap(([id, listing]) => listing.others.map((name) => joinName(path, id, name))),
  ].filter((name) => !TINY_IMAGENETS_OWN.test(name));
  if (foreign.length > 0) {
    problems.push({
      code: "not-images",
      severity: "warning",
      message: `${where} has files that are no images by their names (${foreign.length}), which are left out.`,
      files: foreign,
    });
  }
  return problems;
}

/** The first few of many names. */
export function some(names: readonly string[], shown = 5): string {
  const rest = names.length - shown;
  return names.slice(0, shown).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

const joinName = (...parts: readonly string[]) => parts.filter((part) => part !== "").join("/");
