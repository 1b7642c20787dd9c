import { readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { makeFolder } from "../make-folder.ts";
import { type DownloadOptions, downloadFile, md5Of, partFile, sizeOf, writeFailure } from "./download-file.ts";
import { archiveFailure, unpackZip } from "./unpack-zip.ts";

/** A data set that is published as one zip archive. */
export interface PublishedDataset {
  readonly url: string;
  readonly sizeBytes: number;
  /** As its users publish it: torchvision-style loaders, DeepLake, Keras examples. */
  readonly md5: string;
  /** The folder that the archive has everything in. */
  readonly folder: string;
  /** Files that a complete folder has. */
  readonly landmarks: readonly string[];
  /** Of all files, unpacked, in whole blocks of the disk. */
  readonly unpackedBytes: number;
}

export const PUBLISHED_DATASETS = {
  "tiny-imagenet": {
    url: "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    sizeBytes: 248_100_043,
    md5: "90528d7ca1a48142e341f4ef8d21d0de",
    folder: "tiny-imagenet-200",
    landmarks: ["wnids.txt", "words.txt", "train", "val/val_annotations.txt"],
    unpackedBytes: 500_000_000,
  },
} as const satisfies Record<string, PublishedDataset>;

export interface DownloadDatasetOptions
  extends Pick<DownloadOptions, "attempts" | "retryDelayMs" | "stallMs" | "signal" | "report"> {
  /** Another address of the same archive. @default the publisher's */
  readonly url?: string | undefined;
  /** Of another archive, whose size is then not known; false: any archive is taken. @default the published one */
  readonly md5?: string | false | undefined;
  /** Leaves the archive beside the folder. @default false */
  readonly keepArchive?: boolean;
  onProgress?(phase: "download" | "unpack", done: number, total: number | undefined): void;
}

/**
 * Fetches a published data set, checks its archive's size and MD5, and unpacks it into a temporary folder, which is then
 * renamed: the folder is complete or not there. A download that stopped goes on where it was.
 *
 * @param out Where the data set's own folder is made.
 * @returns The data set's folder. One that is there already is taken as it is.
 * @throws {RepvggError} `E_NETWORK`: the server; `E_DATA`: another archive, a damaged one, a full disk, something in the way;
 *   `E_ABORTED`: by the signal.
 */
export async function downloadDataset(
  { sizeBytes, md5: publishedMd5, unpackedBytes, landmarks, ...dataset }: PublishedDataset,
  out: string,
  options: DownloadDatasetOptions = {},
): Promise<string> {
  const { url = dataset.url, signal, keepArchive = false } = options;
  const folder = join(out, dataset.folder);
  if (await isThere(folder)) {
    const missing = await missingIn(folder, landmarks);
    if (missing === undefined) return folder;
    throw new RepvggError(
      "E_DATA",
      `${folder} is there, but is not the data set: it has no ${missing}. Move it away, or choose another --out.`,
    );
  }
  const isPublished = options.md5 === undefined;
  const md5 = isPublished ? publishedMd5 : options.md5 || undefined;
  await makeFolder(out).catch((cause: unknown) => {
    throw writeFailure(out, cause);
  });
  const archive = `${folder}.zip`;
  if (isPublished) {
    const have = Math.max(await sizeOf(archive), await sizeOf(partFile(archive)));
    await checkSpace(out, Math.max(0, sizeBytes - have) + unpackedBytes);
  }
  if (!(await isArchive(archive, md5, options))) {
    await downloadFile({
      ...options,
      url,
      file: archive,
      md5,
      ...(isPublished && { sizeBytes }),
      onProgress: (done, total) => options.onProgress?.("download", done, total),
    });
  }
  await unpackInto(folder, archive, landmarks, {
    signal,
    maxBytes: isPublished ? 2 * unpackedBytes : Number.MAX_SAFE_INTEGER,
    onProgress: (done, total) => options.onProgress?.("unpack", done, total),
  });
  if (!keepArchive) await rm(archive, { force: true });
  return folder;
}

/** An archive that somebody fetched before, if it is the right one. */
async function isArchive(
  archive: string,
  md5: string | undefined,
  { signal, report }: DownloadDatasetOptions,
): Promise<boolean> {
  if (!(await isThere(archive))) return false;
  const found =
    md5 &&
    (await md5Of(archive, signal).catch((cause: unknown) => {
      if (signal?.aborted) throw new RepvggError("E_ABORTED", `Reading ${archive} was stopped.`, { cause });
      throw archiveFailure(archive, `cannot be read: ${(cause as Error).message}`, cause);
    }));
  if (found === md5?.toLowerCase()) {
    report?.(`Taking ${archive}, which is there already.`);
    return true;
  }
  throw archiveFailure(archive, `is there already, but its MD5 is ${found} instead of ${md5}`);
}

async function unpackInto(
  folder: string,
  archive: string,
  landmarks: readonly string[],
  options: Parameters<typeof unpackZip>[2],
): Promise<void> {
  const temporary = `${folder}.unpacking`;
  await rm(temporary, { recursive: true, force: true }); // of an earlier run that was killed
  try {
    await unpackZip(archive, temporary, options);
    const [only = "", ...more] = (await readdir(temporary)).filter((name) => name !== "__MACOSX");
    const missing =
      more.length > 0 ? "folder that has everything in it" : await missingIn(join(temporary, only), landmarks);
    if (missing !== undefined) throw archiveFailure(archive, `is not the data set: it has no ${missing}`);
    await rename(join(temporary, only), folder).catch((cause: unknown) => {
      throw writeFailure(folder, cause);
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function missingIn(folder: string, landmarks: readonly string[]): Promise<string | undefined> {
  for (const landmark of landmarks) if (!(await isThere(join(folder, landmark)))) return landmark;
  return undefined;
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Said before hours are spent; a system that does not tell is not asked twice. */
async function checkSpace(out: string, needed: number): Promise<void> {
  const found = await statfs(out).catch(() => undefined);
  const free = found ? found.bavail * found.bsize : Number.POSITIVE_INFINITY;
  if (free >= needed) return;
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  throw new RepvggError(
    "E_DATA",
    `${out} has ${megabytes(free)} free, and ${megabytes(needed)} are needed to fetch and unpack. Free some space, or choose another --out.`,
  );
}
