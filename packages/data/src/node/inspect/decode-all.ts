import { RepvggError } from "@repvgg/core";
import { isEncoded } from "../../encoded-dataset.ts";
import { decodeStrictly } from "../decode-image.ts";
import { some } from "../layouts/class-folders.ts";
import type { DatasetProblem } from "../layouts/layout.ts";
import { checkImage } from "./check-image.ts";
import { differenceHash, HASH_SIZE, hashDistance } from "./difference-hash.ts";
import { type FoundImage, nameOf, problemsOfFaults } from "./image-problems.ts";
import type { InspectOptions } from "./inspect-dataset.ts";
import { SampleBytes } from "./sample-bytes.ts";

/** Images in work at once: decoding runs beside JavaScript. */
const AT_ONCE = 4;
/** Bits of 64 that may differ between two images of one motif. */
const SIMILAR_BITS = 2;

interface Hashed {
  readonly image: FoundImage;
  readonly hash: readonly [number, number];
}

/**
 * Decodes every image: those that cannot be are listed, and those of validation that look like one of training.
 *
 * @throws {RepvggError} `E_ABORTED`: by the signal.
 */
export async function decodeAll(
  images: readonly FoundImage[],
  { onProgress, signal }: InspectOptions,
): Promise<DatasetProblem[]> {
  const hashed: Hashed[] = [];
  const undecodable: { image: FoundImage; detail?: string }[] = [];
  const reader = new SampleBytes();
  try {
    for (let start = 0; start < images.length; start += AT_ONCE) {
      if (signal?.aborted) throw new RepvggError("E_ABORTED", "The inspection was stopped.");
      onProgress?.(start, images.length);
      const group = images.slice(start, start + AT_ONCE);
      await Promise.all(
        group.map(async (image) => {
          const bytes = bytesOf(image, reader);
          if (bytes === undefined) return; // in memory, or reported already
          try {
            hashed.push({ image, hash: await hashOf(bytes, nameOf(image)) });
          } catch (error) {
            const { message, cause } = error as Error;
            undecodable.push({ image, detail: cause instanceof Error ? cause.message : message });
          }
        }),
      );
    }
  } finally {
    reader.close();
  }
  const faults = undecodable.length > 0 ? problemsOfFaults(new Map([["undecodable", undecodable]])) : [];
  return [...faults, ...similarAcrossSplits(hashed)];
}

/** The whole file, of an image that its header shows no fault of. */
function bytesOf({ dataset, index }: FoundImage, reader: SampleBytes): Uint8Array | undefined {
  if (!isEncoded(dataset)) return undefined;
  try {
    reader.open(dataset.sample(index));
    if (checkImage(reader).fault !== undefined) return undefined;
    return reader.read(0, reader.length).slice();
  } catch {
    return undefined;
  }
}

async function hashOf(bytes: Uint8Array, name: string): Promise<[number, number]> {
  const { height, width, channels, data } = await decodeStrictly(bytes, name);
  const { default: sharp } = await import("sharp");
  const grey = await sharp(data, { raw: { height, width, channels } })
    .greyscale()
    .resize({ ...HASH_SIZE, fit: "fill" })
    .raw()
    .toBuffer();
  return differenceHash(grey);
}

/** Pairs whose hashes differ in few bits share at least one of four quarters, where two or three bits differ. */
function similarAcrossSplits(hashed: readonly Hashed[]): DatasetProblem[] {
  const quarters = new Map<number, Hashed[]>();
  for (const entry of hashed) {
    if (entry.image.split !== "train" || isPlain(entry.hash)) continue;
    for (const key of quarterKeys(entry.hash)) {
      const bucket = quarters.get(key);
      if (bucket) bucket.push(entry);
      else quarters.set(key, [entry]);
    }
  }
  const pairs: string[] = [];
  const files: string[] = [];
  for (const { image, hash } of hashed) {
    if (image.split === "train" || isPlain(hash)) continue;
    const near = quarterKeys(hash)
      .flatMap((key) => quarters.get(key) ?? [])
      .find((entry) => hashDistance(entry.hash, hash) <= SIMILAR_BITS);
    if (near === undefined) continue;
    pairs.push(`${nameOf(near.image)} ~ ${nameOf(image)}`);
    files.push(nameOf(image));
  }
  if (pairs.length === 0) return [];
  const message = `Validation images that look like a training image (${pairs.length}): ${some(pairs, 3)}. Look at them, and remove one of each.`;
  return [{ code: "similar", severity: "warning", message, files }];
}

/** One colour, or a ramp: what has no motif resembles everything of its kind. */
const isPlain = (hash: readonly [number, number]) =>
  hashDistance(hash, [0, 0]) <= SIMILAR_BITS || hashDistance(hash, [-1, -1]) <= SIMILAR_BITS;

const quarterKeys = ([high, low]: readonly [number, number]) =>
  [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((bits, quarter) => quarter * 0x10000 + bits);
