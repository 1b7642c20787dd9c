import { isEncoded, type LabelledImages } from "../../encoded-dataset.ts";
import { decodeImage } from "../decode-image.ts";
import { SampleBytes } from "./sample-bytes.ts";

export interface SampleSheetOptions {
  /** Images of each class, at equal distances. @default 6 */
  perClass?: number;
  /** Longest side of a thumbnail, in pixels. @default 96 */
  size?: number;
  /** Classes that have a row, at equal distances. @default 200 */
  maxClasses?: number;
}

export interface Thumbnail {
  readonly name: string;
  /** A JPEG file; absent for an image that cannot be decoded. */
  readonly jpeg?: Uint8Array;
}

/** Images of one class, to look at. */
export interface SampleRow {
  readonly label: number;
  /** Of all images of the class. */
  readonly images: number;
  readonly thumbnails: readonly Thumbnail[];
}

/** A few images of each class, reduced: what shows a wrong label at a glance. */
export async function sampleSheet(
  dataset: LabelledImages,
  { perClass = 6, size = 96, maxClasses = 200 }: SampleSheetOptions = {},
): Promise<SampleRow[]> {
  const byLabel: number[][] = dataset.classes.map(() => []);
  for (let i = 0; i < dataset.length; i++) byLabel[dataset.label(i)]!.push(i);
  const labels = spread(
    [...byLabel.keys()].filter((label) => byLabel[label]!.length > 0),
    maxClasses,
  );
  const rows: SampleRow[] = [];
  for (const label of labels) {
    const indices = byLabel[label]!;
    const thumbnails = await Promise.all(spread(indices, perClass).map((index) => thumbnailOf(dataset, index, size)));
    rows.push({ label, images: indices.length, thumbnails });
  }
  return rows;
}

/** At most `n` of a list, at equal distances. */
function spread<T>(list: readonly T[], n: number): T[] {
  const taken = Math.min(n, list.length);
  return Array.from({ length: taken }, (_, k) => list[Math.floor((k * list.length) / taken)]!);
}

async function thumbnailOf(dataset: LabelledImages, index: number, size: number): Promise<Thumbnail> {
  const { default: sharp } = await import("sharp");
  const name = isEncoded(dataset) ? dataset.sample(index).name : `image ${index}`;
  try {
    const { data, ...raw } = isEncoded(dataset)
      ? await decodeImage(wholeSample(dataset, index), name)
      : {
          data: dataset.image(index),
          height: dataset.size[0],
          width: dataset.size[1],
          channels: dataset.channels as 1 | 3,
        };
    const jpeg = await sharp(data, { raw })
      .toColourspace("srgb")
      .resize({ width: size, height: size, fit: "inside", withoutEnlargement: true })
      .jpeg({ quality: 80 })
      .toBuffer();
    return { name, jpeg };
  } catch {
    return { name }; // The report says what is wrong with it.
  }
}

function wholeSample(
  dataset: { sample(index: number): Parameters<SampleBytes["open"]>[0] },
  index: number,
): Uint8Array {
  const reader = new SampleBytes();
  try {
    reader.open(dataset.sample(index));
    return reader.read(0, reader.length).slice();
  } finally {
    reader.close();
  }
}
