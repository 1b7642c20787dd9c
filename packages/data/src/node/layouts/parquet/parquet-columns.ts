import { RepvggError } from "@repvgg/core";
import type { FileMetaData, SchemaTree } from "hyparquet";
import { parquetSchema } from "hyparquet";

/** Where a Parquet file has its images and labels. */
export interface ImageColumns {
  /** A struct `{bytes, path}`, or a column of bytes. */
  readonly image: string;
  /** Absent: the images have no classes. */
  readonly label: string | undefined;
  /** Of a ClassLabel, in label order. */
  readonly names: readonly string[] | undefined;
}

const IMAGE_NAMES = ["image", "img", "images", "picture", "photo", "jpg", "png"];
const LABEL_NAMES = ["label", "labels", "class", "target", "category", "fine_label", "cls"];

/**
 * Finds the columns by the features that Hugging Face's `datasets` keeps in the schema's metadata, else by types and names.
 *
 * @throws {RepvggError} `E_DATA`: there is no column of images.
 */
export function findColumns(metadata: FileMetaData, file: string): ImageColumns {
  const columns = parquetSchema(metadata).children;
  const features = featuresOf(metadata);
  const image =
    columns.find(({ element: { name } }) => features[name]?._type === "Image") ??
    columns.find((column) => isStruct(column) && column.children.some(({ element }) => element.name === "bytes")) ??
    columns.find((column) => isBytes(column) && IMAGE_NAMES.includes(column.element.name.toLowerCase()));
  if (image === undefined || !(isBytes(image) || isStruct(image))) {
    const names = columns.map(({ element: { name, type } }) => `${name}${type ? ` (${type})` : ""}`).join(", ");
    throw new RepvggError(
      "E_DATA",
      `${file} has no column of images: it has ${names}. An image column is a struct of bytes and path, as Hugging Face's ` +
        "datasets writes it, or one of bytes with the name image.",
    );
  }
  const isPlain = ({ children }: SchemaTree) => children.length === 0;
  const label =
    columns.find(({ element: { name } }) => features[name]?._type === "ClassLabel") ??
    LABEL_NAMES.map((name) => columns.find((c) => isPlain(c) && c.element.name.toLowerCase() === name)).find(Boolean);
  const names = label && features[label.element.name]?.names;
  return { image: image.element.name, label: label?.element.name, names: Array.isArray(names) ? names : undefined };
}

const isStruct = ({ element, children }: SchemaTree) => element.repetition_type !== "REPEATED" && children.length > 0;
const isBytes = ({ element, children }: SchemaTree) =>
  children.length === 0 && element.type === "BYTE_ARRAY" && element.converted_type !== "UTF8";

interface Feature {
  readonly _type?: string;
  readonly names?: readonly string[];
}

function featuresOf({ key_value_metadata: entries = [] }: FileMetaData): Readonly<Record<string, Feature | undefined>> {
  const json = entries.find(({ key }) => key === "huggingface")?.value;
  try {
    return JSON.parse(json ?? "{}").info?.features ?? {};
  } catch {
    return {}; // Types and names tell enough.
  }
}
