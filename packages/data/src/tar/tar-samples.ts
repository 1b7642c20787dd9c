import { uniform } from "../distributions.ts";
import { generatorOf } from "../random.ts";
import { type TarSource, walkTar } from "./walk-tar.ts";

/** One sample of a WebDataset: the files of one key, by their extensions. */
export interface TarSample {
  /** The files' common name, up to its first dot. */
  readonly key: string;
  /** By extension, in lower case: `jpg`, `cls`, `seg.png`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * The samples of a WebDataset archive as it streams by, from a server for instance, with one sample in memory at a time.
 *
 * @param stream The archive's bytes in any pieces, such as the body of a response.
 * @param archive Its name, for messages.
 * @throws {RepvggError} `E_DATA`: it ends too early, or is damaged.
 * @see A. Aizman et al., "High Performance I/O For Large Scale Deep Learning", 2019, https://arxiv.org/abs/2001.01858
 */
export async function* streamTarSamples(
  stream: AsyncIterable<Uint8Array>,
  archive = "The archive",
): AsyncGenerator<TarSample> {
  let sample: { key: string; files: Map<string, Uint8Array> } | undefined;
  for await (const entry of walkTar(new StreamSource(stream), archive)) {
    const { key, extension } = splitName(entry.name);
    if (extension === "") continue;
    if (sample && sample.key !== key) yield sample;
    if (sample?.key !== key) sample = { key, files: new Map() };
    sample.files.set(extension, await entry.read());
  }
  if (sample) yield sample;
}

/** `images/0001.seg.png` → `images/0001`, `seg.png`: WebDataset divides at the first dot of the file's own name. */
export function splitName(name: string): { key: string; extension: string } {
  const dot = name.indexOf(".", name.lastIndexOf("/") + 1);
  if (dot < 0) return { key: name, extension: "" };
  return { key: name.slice(0, dot), extension: name.slice(dot + 1).toLowerCase() };
}

export interface ShuffleOptions {
  /** Items in memory, of which a random one is given next. @default 1000 */
  size?: number;
  /** @default 0 */
  seed?: number;
}

/**
 * A stream in another order, as far as a buffer allows: each item is drawn from the next `size` ones. The same seed gives the same
 * order.
 */
export async function* shuffleStream<T>(
  items: AsyncIterable<T>,
  { size = 1000, seed = 0 }: ShuffleOptions = {},
): AsyncGenerator<T> {
  const random = generatorOf(seed);
  const buffer: T[] = [];
  const draw = () => {
    const at = Math.floor(uniform(random, 0, buffer.length));
    const drawn = buffer[at]!;
    buffer[at] = buffer.at(-1)!;
    buffer.pop();
    return drawn;
  };
  for await (const item of items) {
    buffer.push(item);
    if (buffer.length > size) yield draw();
  }
  while (buffer.length > 0) yield draw();
}

class StreamSource implements TarSource {
  position = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest = new Uint8Array(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const filled = await this.#take(length, (chunk, at) => bytes.set(chunk, at));
    return bytes.subarray(0, filled);
  }

  skip(length: number): Promise<number> {
    return this.#take(length, () => {});
  }

  async #take(length: number, use: (chunk: Uint8Array, at: number) => void): Promise<number> {
    let taken = 0;
    while (taken < length) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done) break;
        this.#rest = value as Uint8Array<ArrayBuffer>;
        continue;
      }
      const chunk = this.#rest.subarray(0, length - taken);
      use(chunk, taken);
      this.#rest = this.#rest.subarray(chunk.length);
      taken += chunk.length;
    }
    this.position += taken;
    return taken;
  }
}
