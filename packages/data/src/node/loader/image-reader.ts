import type { EncodedSample } from "../../encoded-dataset.ts";
import type { ByteImage, Size } from "../../image/byte-image.ts";
import { toGrey } from "../../image/enhance.ts";
import { type ImagePipeline, loadImagePipeline } from "../../image/image-pipeline.ts";
import { fixedSteps, type ImageStep } from "../../image/image-steps.ts";
import { neededPart } from "../../image/needed-part.ts";
import { type JpegDecoder, loadJpegDecoder } from "../../jpeg/jpeg-decoder.ts";
import { lookUp, tablesOf } from "../../normalize.ts";
import { generatorOf } from "../../random.ts";
import { decodeImageIn } from "../decode-image.ts";
import { DiskCache } from "./disk-cache.ts";
import { type SampleFile, SampleFiles } from "./sample-files.ts";
import type { CachedImage, ReaderOptions, Task, TaskResult } from "./task.ts";

/** An image after the fixed steps, and what the caches learn of it. */
interface Prepared extends TaskResult {
  readonly image: ByteImage;
}

/** Reads, decodes and augments images, one after the other, into shared memory: what each thread of a loader does. */
export class ImageReader {
  readonly #options: ReaderOptions;
  readonly #pipeline: ImagePipeline;
  readonly #decoder: JpegDecoder;
  readonly #files = new SampleFiles();
  readonly #fixed: readonly ImageStep[];
  readonly #random: readonly ImageStep[];
  readonly #disk: DiskCache | undefined;
  /** The float32 values of bytes, for each channel; none: they stay bytes. */
  readonly #tables: readonly Float32Array[];

  private constructor(options: ReaderOptions, pipeline: ImagePipeline, decoder: JpegDecoder) {
    this.#options = options;
    this.#pipeline = pipeline;
    this.#decoder = decoder;
    const fixed = fixedSteps(options.steps);
    this.#fixed = options.steps.slice(0, fixed);
    this.#random = options.steps.slice(fixed);
    const { preprocessing } = options;
    this.#tables = preprocessing ? tablesOf(preprocessing.mean, preprocessing.std, preprocessing.inputChannels) : [];
    this.#disk = options.cache === "disk" ? new DiskCache(options.cacheFolder) : undefined;
  }

  static async open(options: ReaderOptions): Promise<ImageReader> {
    return new ImageReader(options, await loadImagePipeline(), await loadJpegDecoder());
  }

  /** @throws {RepvggError} `E_DATA`: the image cannot be read, decoded or augmented. */
  async read(task: Task): Promise<TaskResult> {
    const { sample, epoch, index, slot, offset } = task;
    const { image, ...learnt } = await this.#files.open(sample, (file) => this.#prepare(task, file));
    const random = generatorOf(this.#options.seed, epoch, index);
    const { data, channels } = this.#pipeline.run(image, this.#random, random, sample.name);
    const tables = this.#tables;
    if (tables.length === 0) new Uint8Array(slot, offset, data.length).set(data);
    else lookUp(data, channels, tables, new Float32Array(slot, offset, (data.length / channels) * tables.length));
    return learnt;
  }

  async #prepare(task: Task, file: SampleFile): Promise<Prepared> {
    const { sample, cached, mayStore } = task;
    const { stamp } = file;
    if (cached?.stamp === stamp) return { image: cached, storedBytes: 0 };
    const key = this.#disk && this.#keyOf(sample, stamp);
    const known = this.#disk?.read(key);
    if (known) return { image: known, storedBytes: 0 };
    const image = await this.#decode(task, file);
    if (!mayStore) return { image, storedBytes: 0 };
    if (this.#disk) return { image, ...(await stored(this.#disk, key, image)) };
    return { image, fresh: this.#options.cache === "ram" ? shared(image, stamp) : undefined, storedBytes: 0 };
  }

  /** The image after the fixed steps; where there are none, perhaps only the part that its random ones will look at. */
  async #decode({ sample: { name }, mayStore, epoch, index }: Task, file: SampleFile): Promise<ByteImage> {
    const { steps, seed } = this.#options;
    const isWhole = mayStore && this.#fixed.length === 0;
    const wanted = (size: Size) => neededPart(size, isWhole ? [] : steps, generatorOf(seed, epoch, index));
    const rgb = await decodeImageIn(this.#decoder, file.read(), name, wanted);
    const image = this.#options.channels === 1 ? toGrey(rgb) : rgb;
    return this.#pipeline.run(image, this.#fixed, generatorOf(0), name);
  }

  #keyOf({ file, offset, length }: EncodedSample, stamp: string): unknown {
    return [file, offset, length, stamp, this.#fixed, this.#options.channels];
  }
}

/** A cache that cannot be written ends no training. */
async function stored(disk: DiskCache, key: unknown, image: ByteImage): Promise<TaskResult> {
  try {
    return { storedBytes: await disk.write(key, image) };
  } catch (error) {
    return { storedBytes: 0, storeFault: (error as Error).message };
  }
}

/** A copy that other threads can read without a copy of their own. */
function shared({ height, width, channels, data }: ByteImage, stamp: string): CachedImage {
  const bytes = new Uint8Array(new SharedArrayBuffer(data.length));
  bytes.set(data);
  return { height, width, channels, stamp, data: bytes };
}
