import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { makeFolder } from "../../make-folder.ts";
import { unreadable } from "../read-folder.ts";
import { findColumns } from "./parquet-columns.ts";

/** Changes when unpacked files would be others. */
const VERSION = 1;

/** The images of a Parquet file, after one another in a file of their own. */
export interface UnpackedImages {
  /** Holds the encoded images, and nothing else. */
  readonly file: string;
  /** Of each row; 0 where it has no bytes. */
  readonly lengths: readonly number[];
  /** Of each row, as text; null where it has none. */
  readonly labels: readonly (string | null)[];
  /** Of a ClassLabel, in label order. */
  readonly names?: readonly string[];
}

/** Where Parquet files are unpacked to, and who is told. */
export interface Unpacking {
  /** Is made. Gets as many bytes as the images have. */
  readonly cacheFolder: string;
  /** Told of each row group of a file that is not in the cache; before the first, `done` is 0. */
  onUnpack?: ((file: string, done: number, total: number) => void) | undefined;
}

/**
 * Takes the encoded images out of a Parquet file, where pages are compressed and cannot be read one image at a time, into a
 * cache. A file that was unpacked before, and has not changed since, is not read again. Memory is that of one row group.
 *
 * @throws {RepvggError} `E_DATA`: the file is damaged, has no images, or the cache cannot be written.
 */
export async function unpackImages(file: string, { cacheFolder, onUnpack }: Unpacking): Promise<UnpackedImages> {
  const { size, mtimeMs } = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const key = createHash("sha256")
    .update(JSON.stringify([VERSION, file, size, mtimeMs]))
    .digest("hex")
    .slice(0, 32);
  const images = join(cacheFolder, `${key}.images`);
  const index = join(cacheFolder, `${key}.json`);
  const known = await readIndex(index, images);
  if (known) return known;
  const source = await open(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const metadata = await readMetadata(bufferOf(source, size), file);
    const total = Number(metadata.num_rows);
    const told = (done: number) => onUnpack?.(file, done, total);
    return await unpack(file, bufferOf(source, size), metadata, { images, index, told });
  } finally {
    await source.close();
  }
}

/** The index is written last: where it is, the images are complete. */
async function readIndex(index: string, images: string): Promise<UnpackedImages | undefined> {
  try {
    const { lengths, labels, names }: UnpackedImages = JSON.parse(await readFile(index, "utf8"));
    const { size } = await stat(images);
    const isWhole = size === lengths.reduce((sum, length) => sum + length, 0) && labels.length === lengths.length;
    return isWhole ? { file: images, lengths, labels, ...(names && { names }) } : undefined;
  } catch {
    return undefined;
  }
}

async function readMetadata(buffer: AsyncBuffer, file: string): Promise<FileMetaData> {
  const { parquetMetadataAsync } = await import("hyparquet");
  try {
    return await parquetMetadataAsync(buffer);
  } catch (cause) {
    const message = `${file} is no complete Parquet file: ${(cause as Error).message}. Fetch it again.`;
    throw new RepvggError("E_DATA", message, { cause });
  }
}

async function unpack(
  file: string,
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  { images, index, told }: { readonly images: string; readonly index: string; told(done: number): void },
): Promise<UnpackedImages> {
  const columns = findColumns(metadata, file);
  const lengths: number[] = [];
  const labels: (string | null)[] = [];
  const temporary = `${images}.${randomUUID()}.tmp`;
  try {
    await makeFolder(join(images, ".."));
    const target = await open(temporary, "wx");
    try {
      for await (const row of rowsOf(file, buffer, metadata, [columns.image, columns.label], told)) {
        const value = row[columns.image] as Uint8Array | { bytes?: Uint8Array | null } | null;
        const bytes = value instanceof Uint8Array ? value : (value?.bytes ?? new Uint8Array(0));
        await target.writeFile(bytes);
        lengths.push(bytes.length);
        labels.push(labelText(columns.label === undefined ? undefined : row[columns.label]));
      }
      await target.sync();
    } finally {
      await target.close();
    }
    await rename(temporary, images);
    const found = { lengths, labels, ...(columns.names && { names: columns.names }) };
    await writeFile(`${temporary}.json`, JSON.stringify(found));
    await rename(`${temporary}.json`, index);
    return { file: images, ...found };
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    if (cause instanceof RepvggError) throw cause;
    const isFull = (cause as NodeJS.ErrnoException).code === "ENOSPC";
    const why = isFull ? "the disk is full. Free some space" : (cause as Error).message;
    throw new RepvggError("E_DATA", `The images of ${file} cannot be unpacked to ${images}: ${why}.`, { cause });
  }
}

type Row = Readonly<Record<string, unknown>>;

/** All rows, one row group in memory at a time. */
async function* rowsOf(
  file: string,
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  wanted: readonly (string | undefined)[],
  told: (done: number) => void,
): AsyncGenerator<Row> {
  const [{ parquetReadObjects }, { compressors }] = [await import("hyparquet"), await import("hyparquet-compressors")];
  const columns = wanted.filter((name) => name !== undefined);
  let rowStart = 0;
  told(0);
  for (const [group, { num_rows }] of metadata.row_groups.entries()) {
    const rowEnd = rowStart + Number(num_rows);
    let rows: Row[];
    try {
      rows = await parquetReadObjects({ file: buffer, metadata, columns, rowStart, rowEnd, compressors, utf8: false });
    } catch (cause) {
      const message = `${file} is damaged: row group ${group} (rows ${rowStart} to ${rowEnd - 1}) cannot be read: ${(cause as Error).message}. Fetch it again.`;
      throw new RepvggError("E_DATA", message, { cause });
    }
    yield* rows;
    rowStart = rowEnd;
    told(rowEnd);
  }
}

/** Hugging Face writes -1 where the class is not told. */
function labelText(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value !== "number" && typeof value !== "bigint") return null;
  return value < 0 ? null : String(value);
}

function bufferOf(handle: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, end - start));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) throw new Error(`the file ends at byte ${start + filled}`);
        filled += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

/** The place of a row, for people. */
export const rowName = (file: string, row: number): string => `${basename(file)}#${row}`;
