import { join } from "node:path";
import { readLinesIfThere } from "./read-folder.ts";

/** Names for people by class ids. */
export class ClassNames {
  readonly #byId: ReadonlyMap<string, string>;

  constructor(byId: ReadonlyMap<string, string> = new Map()) {
    this.#byId = byId;
  }

  /** One name for each id, the id itself where none is known. Two classes of one name are told apart by their ids. */
  of(ids: readonly string[]): string[] {
    const names = ids.map((id) => this.#byId.get(id) ?? id);
    const times = new Map<string, number>();
    for (const name of names) times.set(name, (times.get(name) ?? 0) + 1);
    return names.map((name, i) => (times.get(name)! > 1 && name !== ids[i] ? `${name} (${ids[i]})` : name));
  }
}

/** Files that name WordNet ids: Tiny-ImageNet's and ImageNet's, `n01443537 goldfish, Carassius auratus` in each line. */
export const NAME_FILES = ["words.txt", "LOC_synset_mapping.txt"] as const;

/** The names that lie beside a data set. */
export async function readClassNames(folder: string): Promise<ClassNames> {
  for (const file of NAME_FILES) {
    const lines = await readLinesIfThere(join(folder, file));
    if (lines) return new ClassNames(new Map(parseSynsets(lines)));
  }
  return new ClassNames();
}

/** `n01443537<blank or tab>goldfish, Carassius auratus` → its two parts, line by line. */
export function parseSynsets(lines: readonly string[]): [id: string, name: string][] {
  return lines.flatMap((line) => {
    const match = /^(\S+)\s+(.+?)\s*$/.exec(line);
    return match ? [[match[1]!, match[2]!] as [string, string]] : [];
  });
}
