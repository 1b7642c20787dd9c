import { RepvggError } from "@repvgg/core";

/** Which class each output of a network stands for, in the order of the outputs. */
export interface ClassIndex {
  /** WordNet ids, or the names of class folders; each one once. */
  readonly ids: readonly string[];
  /** Names for people, where the index has any. */
  readonly names?: readonly string[];
}

/** One class, its output's number known by its place or by `output`. */
type Entry = readonly [id: string, name?: string];

const WORDNET_LINE = /^(n\d{8})(?:\s+(.*\S))?\s*$/;

/**
 * Reads a class index in any of the forms that are published:
 *
 * - Keras's and torchvision's `imagenet_class_index.json`: `{"0": ["n01440764", "tench"], ...}`, or `{"0": "n01440764", ...}`;
 * - torchvision's `class_to_idx`: `{"n01440764": 0, ...}`;
 * - a JSON list of ids, or of `[id, name]`;
 * - `LOC_synset_mapping.txt`: `n01440764 tench, Tinca tinca` in each line; or a list of one id or name in each line.
 *
 * The order of JSON keys means nothing, that of lines and lists is the outputs'.
 *
 * @param source The file's name, for messages.
 * @throws {RepvggError} `E_DATA`: it has none of these forms, leaves an output out, or has a class twice.
 */
export function parseClassIndex(text: string, source = "The class index"): ClassIndex {
  const plain = text.replace(/^\uFEFF/, "").trim();
  const entries = /^[[{]/.test(plain) ? fromJson(plain, source) : fromLines(plain);
  if (entries.length === 0) throw new RepvggError("E_DATA", `${source} has no classes in it.`);
  const seen = new Map<string, number>();
  for (const [output, [id]] of entries.entries()) {
    const before = seen.get(id);
    if (before === undefined) {
      seen.set(id, output);
      continue;
    }
    throw new RepvggError(
      "E_DATA",
      `${source} has "${id}" twice, as the outputs ${before} and ${output}, so it cannot tell them apart. ` +
        "Names are not unique in ImageNet (crane, maillot): give an index of WordNet ids.",
    );
  }
  const names = entries.flatMap(([, name]) => (name === undefined ? [] : [name]));
  return { ids: entries.map(([id]) => id), ...(names.length === entries.length && { names }) };
}

function fromLines(text: string): Entry[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const synsets = lines.map((line) => WORDNET_LINE.exec(line));
  if (synsets.some((match) => match === null)) return lines.map((line) => [line]);
  return synsets.map((match) => (match![2] === undefined ? [match![1]!] : [match![1]!, match![2]]));
}

function fromJson(text: string, source: string): Entry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RepvggError("E_DATA", `${source} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  if (Array.isArray(value)) return value.map((item, i) => entryOf(item, `item ${i}`, source));
  const pairs = Object.entries(value as object);
  const isById = pairs.every(([, output]) => typeof output === "number");
  const placed = isById
    ? pairs.map(([id, output]) => [output as number, [id] as Entry] as const)
    : pairs.map(([output, item]) => [outputOf(output), entryOf(item, `"${output}"`, source)] as const);
  const entries: Entry[] = Array.from({ length: placed.length });
  for (const [output, entry] of placed) {
    if (Number.isInteger(output) && output >= 0 && output < entries.length && entries[output] === undefined) {
      entries[output] = entry;
      continue;
    }
    throw new RepvggError(
      "E_DATA",
      `${source} has ${entries.length} classes, whose outputs must be 0 to ${entries.length - 1}, each one once; ` +
        `"${entry[0]}" is not of them. Is the file complete?`,
    );
  }
  return entries;
}

const outputOf = (key: string) => (/^\d+$/.test(key) ? Number(key) : Number.NaN);

function entryOf(item: unknown, where: string, source: string): Entry {
  if (typeof item === "string") return [item];
  const [id, name] = Array.isArray(item) ? (item as unknown[]) : [];
  if (typeof id === "string" && (name === undefined || typeof name === "string")) {
    return name === undefined ? [id] : [id, name];
  }
  throw new RepvggError(
    "E_DATA",
    `${source}: ${where} is neither an id nor [id, name], but ${JSON.stringify(item)?.slice(0, 60)}. ` +
      "Give a file like imagenet_class_index.json or LOC_synset_mapping.txt.",
  );
}
