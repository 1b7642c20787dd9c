import { RepvggError } from "@repvgg/core";
import { isEncoded, type LabelledImages } from "../../encoded-dataset.ts";
import type { DatasetProblem, SplitName } from "../layouts/layout.ts";
import type { OpenedDataset } from "../open-dataset.ts";
import { checkImage, type ImageFault } from "./check-image.ts";
import { type DatasetReport, type SplitReport, spreadOf } from "./dataset-report.ts";
import { decodeAll } from "./decode-all.ts";
import {
  type FoundImage,
  imbalanceProblems,
  problemsOfFaults,
  problemsOfSameContent,
  singleImageProblems,
} from "./image-problems.ts";
import { SameContent } from "./same-content.ts";
import { SampleBytes } from "./sample-bytes.ts";

export interface InspectOptions {
  /** Decodes every image as well, and looks for similar ones in training and validation. Slow. @default false */
  decode?: boolean;
  onProgress?(done: number, total: number): void;
  /** Stops with `E_ABORTED`. */
  signal?: AbortSignal;
}

/** Images between two turns of the event loop. */
const IMAGES_PER_TURN = 256;

/**
 * Looks at every image of a data set: headers, ends and sizes; same contents; counts of classes. Files are read in part only.
 *
 * @param dataset Best opened with `strict: false`, so that what is wrong with its folders is in the report, too.
 * @throws {RepvggError} `E_ABORTED`: by the signal. What is wrong with images is in the report.
 */
export async function inspectDataset(dataset: OpenedDataset, options: InspectOptions = {}): Promise<DatasetReport> {
  const { path, kind, recognisedBy, classes, unlabelled = {}, problems } = dataset;
  const images = listAll(dataset);
  const { splits, found } = await lookAtAll(dataset, images, options);
  const decoded = options.decode ? await decodeAll(images, options) : [];
  return {
    path,
    kind,
    recognisedBy,
    classes,
    splits,
    unlabelled,
    problems: [...problems, ...problemsOfCounts(splits, classes), ...found, ...decoded].sort(bySeverity),
  };
}

const problemsOfCounts = (...counts: Parameters<typeof imbalanceProblems>) => [
  ...imbalanceProblems(...counts),
  ...singleImageProblems(...counts),
];

const bySeverity = (a: DatasetProblem, b: DatasetProblem) =>
  Number(b.severity === "error") - Number(a.severity === "error");

/** All images of all parts. */
function listAll({ splits }: OpenedDataset): FoundImage[] {
  return (Object.entries(splits) as [SplitName, LabelledImages][]).flatMap(([split, dataset]) =>
    Array.from({ length: dataset.length }, (_, index) => ({ split, dataset, index })),
  );
}

async function lookAtAll(
  { splits: parts }: OpenedDataset,
  images: readonly FoundImage[],
  { onProgress, signal }: InspectOptions,
): Promise<{ splits: Record<string, SplitReport>; found: DatasetProblem[] }> {
  const tallies = new Map(Object.entries(parts).map(([split, dataset]) => [split, new SplitTally(dataset!)]));
  const faults = new Map<ImageFault, { image: FoundImage; detail?: string | undefined }[]>();
  const contents = new SameContent();
  const reader = new SampleBytes();
  try {
    for (const [i, image] of images.entries()) {
      if (i % IMAGES_PER_TURN === 0) {
        onProgress?.(i, images.length);
        await nextTurn(signal);
      }
      const { fault, detail } = lookAt(image, reader, tallies.get(image.split)!, () => contents.add(i, reader));
      if (fault === undefined) continue;
      const same = faults.get(fault);
      if (same) same.push({ image, detail });
      else faults.set(fault, [{ image, detail }]);
    }
    const groups = contents.groups((i) => openAgain(images[i]!, reader));
    return {
      splits: Object.fromEntries([...tallies].map(([split, tally]) => [split, tally.report()])),
      found: [
        ...problemsOfFaults(faults),
        ...problemsOfSameContent(groups.map((group) => group.map((i) => images[i]!))),
      ],
    };
  } finally {
    reader.close();
  }
}

/** Checks one image and counts it. `remember` is called while `reader` has its bytes. */
function lookAt(
  { dataset, index }: FoundImage,
  reader: SampleBytes,
  tally: SplitTally,
  remember: () => void,
): { fault?: ImageFault; detail?: string } {
  const label = dataset.label(index);
  if (!isEncoded(dataset)) {
    const [height, width] = dataset.size;
    reader.take(dataset.image(index));
    tally.add(label, { width, height, sizeBytes: reader.length });
    remember();
    return {};
  }
  try {
    reader.open(dataset.sample(index));
    const { fault, detail, ...image } = checkImage(reader);
    tally.add(label, { ...image, sizeBytes: reader.length });
    if (fault !== "empty-file") remember(); // those are all the same
    return { ...(fault && { fault }), ...(detail && { detail }) };
  } catch (cause) {
    tally.add(label, { width: 0, height: 0, sizeBytes: 0 });
    return { fault: "unreadable", detail: reasonOf(cause) };
  }
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return code === "ELOOP" ? "a symbolic link that leads back to itself" : message;
}

function openAgain({ dataset, index }: FoundImage, reader: SampleBytes): SampleBytes | undefined {
  try {
    if (isEncoded(dataset)) reader.open(dataset.sample(index));
    else reader.take(dataset.image(index));
    return reader;
  } catch {
    return undefined; // It was there a moment ago; a folder that changes meanwhile is inspected again.
  }
}

/** What is counted of one part. */
class SplitTally {
  readonly #perClass: number[];
  readonly #widths: Uint32Array;
  readonly #heights: Uint32Array;
  readonly #formats = new Map<string, number>();
  readonly #isEncoded: boolean;
  #seen = 0;
  #measured = 0;
  #sizeBytes = 0;

  constructor(dataset: LabelledImages) {
    this.#perClass = dataset.classes.map(() => 0);
    this.#widths = new Uint32Array(dataset.length);
    this.#heights = new Uint32Array(dataset.length);
    this.#isEncoded = isEncoded(dataset);
  }

  add(
    label: number,
    { width, height, sizeBytes, format }: { width: number; height: number; sizeBytes: number; format?: string },
  ) {
    this.#seen++;
    this.#perClass[label] = (this.#perClass[label] ?? 0) + 1;
    this.#sizeBytes += sizeBytes;
    if (format) this.#formats.set(format, (this.#formats.get(format) ?? 0) + 1);
    if (width === 0 || height === 0) return;
    this.#widths[this.#measured] = width;
    this.#heights[this.#measured++] = height;
  }

  report(): SplitReport {
    const filled = this.#perClass.filter((count) => count > 0);
    const [largest, smallest] = filled.reduce(
      ([most, least], n) => [Math.max(most, n), Math.min(least, n)],
      [0, Infinity],
    );
    return {
      images: this.#seen,
      classes: filled.length,
      perClass: this.#perClass,
      imbalance: filled.length === 0 ? 1 : largest! / smallest!,
      sizeBytes: this.#sizeBytes,
      width: spreadOf(this.#widths.subarray(0, this.#measured)),
      height: spreadOf(this.#heights.subarray(0, this.#measured)),
      ...(this.#isEncoded && { formats: Object.fromEntries([...this.#formats].sort(([, a], [, b]) => b - a)) }),
    };
  }
}

/** Lets the event loop come round, so that progress is shown and Ctrl-C is seen. */
async function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new RepvggError("E_ABORTED", "The inspection was stopped.");
}
