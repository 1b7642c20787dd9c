import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { RepvggError } from "@repvgg/core";
import { splitName } from "../../../tar/tar-samples.ts";
import { type TarEntry, type TarSource, walkTar } from "../../../tar/walk-tar.ts";
import type { DatasetProblem } from "../layout.ts";
import { isImageName, unreadable } from "../read-folder.ts";

/** An image of a shard, and what tells its class. */
export interface ShardImage {
  /** `shard-000.tar/0001.jpg`. */
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  /** A class's number or name; absent where the sample has none. */
  readonly label?: string;
}

/** Keys of a .json that tell the class, the first one that is there. */
const LABEL_KEYS = ["label", "cls", "class", "target", "class_index", "class_id", "class_name", "wnid"];
/** Files that tell the class, the best one first. */
const LABEL_FILES = ["cls", "json", "txt"] as const;
/** A label's file that is larger is none. */
const MAX_LABEL_BYTES = 1 << 20;
const WINDOW_BYTES = 1 << 16;
const ENTRIES_PER_TURN = 2000;

/**
 * Lists the images of a shard by its headers, without reading them.
 *
 * @param problems Learns what is wrong with the archive; the images before that place are given.
 */
export async function indexShard(file: string, problems: DatasetProblem[]): Promise<ShardImage[]> {
  const shard = basename(file);
  const images: ShardImage[] = [];
  let key: string | undefined;
  let image: Omit<ShardImage, "label"> | undefined;
  let labels: Partial<Record<string, string>> = {};
  const finish = () => {
    const label = LABEL_FILES.map((extension) => labels[extension]).find((found) => found !== undefined);
    if (image) images.push({ ...image, ...(label !== undefined && { label }) });
    [image, labels] = [undefined, {}];
  };
  const source = openSource(file);
  try {
    let entries = 0;
    for await (const entry of walkTar(source, file)) {
      if (++entries % ENTRIES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      const { key: next, extension } = splitName(entry.name);
      if (next !== key) finish();
      key = next;
      if (isImageName(`.${extension}`)) {
        image ??= { name: `${shard}/${entry.name}`, offset: entry.offset, length: entry.length };
      } else if ((LABEL_FILES as readonly string[]).includes(extension)) {
        labels[extension] = await labelIn(entry, extension);
      }
    }
    finish();
  } catch (cause) {
    if (!(cause instanceof RepvggError)) throw unreadable(file, cause);
    finish();
    problems.push({ code: "broken-archive", severity: "error", message: cause.message, files: [shard] });
  } finally {
    source.close();
  }
  return images;
}

async function labelIn(entry: TarEntry, extension: string): Promise<string | undefined> {
  if (entry.length > MAX_LABEL_BYTES) return undefined;
  const text = new TextDecoder().decode(await entry.read()).trim();
  if (extension !== "json") return text === "" ? undefined : text;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return labelText(value);
    const fields = value as Record<string, unknown>;
    return labelText(LABEL_KEYS.map((key) => fields[key]).find((found) => found !== undefined && found !== null));
  } catch {
    return undefined; // Its image is then one without a class, and reported.
  }
}

const labelText = (value: unknown) =>
  typeof value === "string" || typeof value === "number" ? String(value) : undefined;

/** A file whose headers are read in larger pieces: labels lie between them. */
class FileSource implements TarSource {
  position = 0;
  readonly size: number;
  readonly #fd: number;
  #start = 0;
  #window = new Uint8Array(0);

  constructor(fd: number) {
    this.#fd = fd;
    this.size = fstatSync(fd).size;
  }

  async read(length: number): Promise<Uint8Array> {
    const from = this.position - this.#start;
    if (from < 0 || from + length > this.#window.length) this.#fill(Math.max(length, WINDOW_BYTES));
    const at = this.position - this.#start;
    const bytes = this.#window.subarray(at, at + length);
    this.position += bytes.length;
    return bytes;
  }

  async skip(length: number): Promise<number> {
    const skipped = Math.min(length, this.size - this.position);
    this.position += skipped;
    return skipped;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #fill(length: number): void {
    const bytes = new Uint8Array(Math.min(length, Math.max(0, this.size - this.position)));
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(this.#fd, bytes, filled, bytes.length - filled, this.position + filled);
      if (count === 0) break;
      filled += count;
    }
    this.#window = bytes.subarray(0, filled);
    this.#start = this.position;
  }
}

function openSource(file: string): FileSource {
  try {
    return new FileSource(openSync(file, "r"));
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
