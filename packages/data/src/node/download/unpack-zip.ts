import { constants, type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { RepvggError } from "@repvgg/core";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { makeFolder } from "../make-folder.ts";
import { writeFailure } from "./download-file.ts";

export interface UnpackOptions {
  /** Refuses an archive that says it unpacks to more. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
  onProgress?(entries: number, total: number): void;
}

/** Files that are written at once: most are small, and opening them takes longest. */
const AT_ONCE = 8;
const FILE_TYPE = 0o170000;
const REGULAR_FILE = 0o100000;
const FOLDER = 0o040000;

/**
 * Unpacks a zip archive, entry by entry, so that memory does not grow with it. Every entry's checksum is compared.
 *
 * @param folder Is made; nothing in it may have an entry's name.
 * @throws {RepvggError} `E_DATA`: the archive is damaged, has an entry that would lie outside of `folder` or is a link, or
 *   unpacks to more than `maxBytes`; the disk is full; `E_ABORTED`: by the signal. What was unpacked before stays.
 */
export async function unpackZip(archive: string, folder: string, options: UnpackOptions): Promise<void> {
  const zip = await openZip(archive);
  const running = new Set<Promise<void>>();
  const made = new Map<string, Promise<unknown>>();
  let [bytes, entries] = [0, 0];
  let failure: unknown;
  try {
    await makeFolderOnce(folder, made); // also of an archive without entries
    for await (const entry of entriesOf(zip, archive)) {
      if (options.signal?.aborted) throw new RepvggError("E_ABORTED", "Unpacking was stopped; the archive is kept.");
      options.onProgress?.(entries++, zip.entryCount);
      checkEntry(entry, archive);
      bytes += entry.uncompressedSize;
      if (bytes > options.maxBytes) throw tooLarge(archive, options.maxBytes);
      const path = join(folder, entry.fileName);
      if (entry.fileName.endsWith("/")) {
        await makeFolderOnce(path, made);
        continue;
      }
      await makeFolderOnce(dirname(path), made);
      const job: Promise<void> = unpackEntry(zip, entry, path, archive)
        .catch((cause: unknown) => {
          failure ??= cause;
        })
        .finally(() => running.delete(job));
      running.add(job);
      if (running.size >= AT_ONCE) await Promise.race(running);
      if (failure !== undefined) break;
    }
  } finally {
    await Promise.all(running);
    zip.close();
  }
  if (failure !== undefined) throw failure;
  options.onProgress?.(entries, zip.entryCount);
}

async function openZip(archive: string): Promise<ZipFile> {
  const openLazily = promisify<string, yauzl.Options, ZipFile>(yauzl.open);
  try {
    return await openLazily(archive, { lazyEntries: true, autoClose: false, strictFileNames: true });
  } catch (cause) {
    throw damaged(archive, cause);
  }
}

/** The central directory's entries, one at a time. */
async function* entriesOf(zip: ZipFile, archive: string): AsyncGenerator<Entry> {
  for (let read = 0; read < zip.entryCount; read++) {
    const entry = await new Promise<Entry | undefined>((resolve, reject) => {
      const settle = () => zip.removeAllListeners();
      zip.once("entry", (found: Entry) => {
        settle();
        resolve(found);
      });
      zip.once("end", () => {
        settle();
        resolve(undefined);
      });
      zip.once("error", (cause) => {
        settle();
        reject(damaged(archive, cause));
      });
      zip.readEntry();
    });
    if (entry === undefined) return;
    yield entry;
  }
}

/** yauzl refuses names that leave the folder; links and devices would, too. Types are those of Unix, whatever system says so. */
function checkEntry({ fileName, externalFileAttributes }: Entry, archive: string): void {
  const type = (externalFileAttributes >>> 16) & FILE_TYPE;
  if (type !== 0 && type !== REGULAR_FILE && type !== FOLDER) {
    throw archiveFailure(archive, `has an entry that is no plain file or folder: ${fileName}`);
  }
  // None is in the name of an image, and a terminal obeys them.
  if (/\p{Cc}/u.test(fileName)) {
    throw archiveFailure(archive, `has an entry with control characters in its name: ${JSON.stringify(fileName)}`);
  }
}

async function makeFolderOnce(path: string, made: Map<string, Promise<unknown>>): Promise<void> {
  let making = made.get(path);
  if (making === undefined) {
    making = makeFolder(path);
    made.set(path, making);
  }
  try {
    await making;
  } catch (cause) {
    throw writeFailure(path, cause);
  }
}

async function unpackEntry(zip: ZipFile, entry: Entry, path: string, archive: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw writeFailure(path, cause);
    throw archiveFailure(archive, `has two entries of the name ${entry.fileName}`, cause);
  }
  try {
    const checksum = await copy(await streamOf(zip, entry, archive), handle, path, archive, entry.fileName);
    if (checksum !== entry.crc32 >>> 0) throw damaged(archive, new Error(`${entry.fileName} has another checksum`));
  } finally {
    await handle.close();
  }
}

async function streamOf(zip: ZipFile, entry: Entry, archive: string): Promise<Readable> {
  try {
    return await promisify<Entry, Readable>(zip.openReadStream.bind(zip))(entry);
  } catch (cause) {
    throw damaged(archive, cause);
  }
}

/** @returns the checksum of what was written. */
async function copy(from: Readable, to: FileHandle, path: string, archive: string, name: string): Promise<number> {
  let checksum = 0;
  const chunks = from[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await chunks.next().catch((cause: unknown) => {
      throw damaged(archive, new Error(`${name}: ${(cause as Error).message}`, { cause }));
    });
    if (done) return checksum;
    checksum = crc32(value as Uint8Array, checksum);
    await to.writeFile(value as Uint8Array).catch((cause: unknown) => {
      from.destroy();
      throw writeFailure(path, cause);
    });
  }
}

const damaged = (archive: string, cause: unknown) =>
  archiveFailure(archive, `cannot be unpacked: ${(cause as Error).message.replace(/\.$/, "")}`, cause);

const tooLarge = (archive: string, maxBytes: number) =>
  archiveFailure(archive, `unpacks to more than ${maxBytes} bytes, which is not what it should have`);

/** An archive stays where it is, to be looked at, and would be taken again. */
export const archiveFailure = (archive: string, why: string, cause?: unknown) =>
  new RepvggError("E_DATA", `${archive} ${why}. Move it away, and it is fetched again; --url takes another address.`, {
    cause,
  });
