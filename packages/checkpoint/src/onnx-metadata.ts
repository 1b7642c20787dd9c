import { ONNX_METADATA } from "./onnx-schema.ts";

/**
 * The names of the outputs that a file's metadata tell: `classes` as a JSON list, as this project writes them, or `names` as
 * Ultralytics does, a Python dict `{0: 'tench', 1: 'goldfish'}`.
 *
 * @returns Undefined where there are none, or not as many as outputs.
 */
export function onnxClasses(metadata: ReadonlyMap<string, string>, numClasses: number): readonly string[] | undefined {
  const { classes = "", names = "" } = Object.fromEntries(metadata);
  const listed = parsed(classes);
  const isList = Array.isArray(listed) && listed.every((name) => typeof name === "string");
  const found = isList ? listed : fromPythonDict(names);
  return found.length === numClasses ? found : undefined;
}

/** What the metadata tell of the images: an object with `mean` and `std`, as this project writes it. */
export function onnxPreprocessing(metadata: ReadonlyMap<string, string>): object | undefined {
  const value = parsed(metadata.get(ONNX_METADATA.preprocessing) ?? "");
  return typeof value === "object" && value !== null && "mean" in value && "std" in value ? value : undefined;
}

/** Metadata of other programs may be anything. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const PYTHON_ENTRY = /(\d+): (?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g;

function fromPythonDict(text: string): string[] {
  const names: string[] = [];
  for (const [, index, single, double] of text.matchAll(PYTHON_ENTRY)) {
    if (Number(index) !== names.length) return []; // not in order: of another kind
    names.push((single ?? double ?? "").replace(/\\(.)/g, "$1"));
  }
  return names;
}
