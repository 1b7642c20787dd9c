import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { RepvggError } from "@repvgg/core";
import { type FileVersion, type PartResponse, requestPart, TransientFailure } from "./request-part.ts";
import { StallGuard } from "./stall-guard.ts";

export interface DownloadOptions {
  readonly url: string;
  /** Where the file will lie. Until it is complete and checked, its beginning lies beside it, as `FILE.part`. */
  readonly file: string;
  /** Absent: whatever the server says. */
  readonly sizeBytes?: number | undefined;
  /** Of the whole file, in hexadecimal. Absent: it is not checked. */
  readonly md5?: string | undefined;
  /** Failures in a row, without a byte in between, after which it gives up. @default 6 */
  readonly attempts?: number;
  /** Before the second attempt; doubled for each further one, at most 30 s. @default 1000 */
  readonly retryDelayMs?: number;
  /** Silence after which a connection counts as broken. @default 60000 */
  readonly stallMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** @param total Undefined while nobody has said it. */
  onProgress?(done: number, total: number | undefined): void;
  /** Told of failures that are tried again, and of a file that must be fetched anew. */
  report?(message: string): void;
}

const LONGEST_DELAY_MS = 30_000;
/** That a server may ask for; one that wants more is left alone. */
const LONGEST_RETRY_AFTER_MS = 120_000;

/**
 * Fetches a file over HTTP, going on where an earlier call stopped, however that ended. Nothing lies at `file` before its size
 * and checksum are those that are known.
 *
 * @throws {RepvggError} `E_NETWORK`: the server cannot be reached, refuses, or breaks off again and again; `E_DATA`: it has
 *   another file, or the disk is full; `E_ABORTED`: by the signal. In the first and last case what came is kept.
 */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const { file, sizeBytes, signal } = options;
  const part = partFile(file);
  try {
    const isJoined = await fetchAll(options, part);
    const fault = await faultOf(part, options);
    if (fault !== undefined) {
      await discard(part);
      if (!isJoined) throw anotherFile(options, fault);
      options.report?.(`What was there already does not fit the rest (${fault}): fetching all of it again.`);
      await fetchAll(options, part);
      const again = await faultOf(part, options);
      if (again !== undefined) {
        await discard(part);
        throw anotherFile(options, again);
      }
    }
    await rename(part, file);
    await rm(versionFile(part), { force: true });
  } catch (cause) {
    if (cause instanceof RepvggError) throw cause;
    if (signal?.aborted) throw stopped(await sizeOf(part), sizeBytes);
    throw writeFailure(part, cause);
  }
}

/** Asks for what is missing until nothing is. @returns whether the file is of more than one answer. */
async function fetchAll(options: DownloadOptions, part: string): Promise<boolean> {
  const { url, attempts = 6, retryDelayMs = 1000, signal, report } = options;
  let isJoined = false;
  for (let failures = 0; ; ) {
    const before = await sizeOf(part);
    isJoined ||= before > 0;
    try {
      if (await fetchRest(options, part, before)) return isJoined;
      throw new TransientFailure("the connection ended too early");
    } catch (cause) {
      if (!(cause instanceof TransientFailure)) throw cause;
      if (signal?.aborted) throw stopped(await sizeOf(part), options.sizeBytes);
      failures = (await sizeOf(part)) > before ? 1 : failures + 1;
      const { retryAfterMs, mostAttempts } = cause;
      const isLast = failures >= Math.min(attempts, mostAttempts) || (retryAfterMs ?? 0) > LONGEST_RETRY_AFTER_MS;
      if (isLast) throw unreachable(url, cause, failures);
      const delay = retryAfterMs ?? Math.min(retryDelayMs * 2 ** (failures - 1), LONGEST_DELAY_MS);
      report?.(`${cause.message}; trying again in ${Math.ceil(delay / 1000)} s.`);
      await sleep(delay, undefined, signal && { signal });
    }
  }
}

/** One request. @returns whether the file is complete now, as far as its size tells. */
async function fetchRest(options: DownloadOptions, part: string, have: number): Promise<boolean> {
  const { url, md5, sizeBytes, stallMs = 60_000, signal, onProgress } = options;
  if (sizeBytes !== undefined && have === sizeBytes) return true;
  const version = await readVersion(part, url);
  // Without a checksum, parts of two versions of a file could be joined unseen.
  const isSafe = version !== undefined && (version.validator !== undefined || md5 !== undefined);
  const stall = new StallGuard(stallMs, signal);
  try {
    const response = await stall.watch(() => requestPart(url, isSafe ? have : 0, version ?? {}, stall.signal));
    const total = sizeBytes ?? response.total;
    checkTotal(options, response);
    const handle = await open(part, response.start === 0 ? "w" : "a");
    let done = response.start;
    try {
      // After the earlier bytes are gone, so that it is never of others.
      await writeFile(versionFile(part), JSON.stringify({ url, ...response.version }));
      onProgress?.(done, total);
      await stall.watch(async () => {
        for await (const chunk of response.body) {
          stall.restart();
          if (total !== undefined && done + chunk.length > total) throw tooLong(options, total);
          await handle.writeFile(chunk);
          done += chunk.length;
          onProgress?.(done, total);
        }
      });
    } finally {
      await handle.close();
    }
    return total === undefined || done === total;
  } finally {
    stall.close();
  }
}

/** What is wrong with a complete file, by its size and its checksum. */
async function faultOf(part: string, { sizeBytes, md5, signal }: DownloadOptions): Promise<string | undefined> {
  const size = await sizeOf(part);
  if (sizeBytes !== undefined && size !== sizeBytes) return `${size} bytes instead of ${sizeBytes}`;
  if (md5 === undefined) return undefined;
  const found = await md5Of(part, signal);
  return found === md5.toLowerCase() ? undefined : `MD5 ${found} instead of ${md5}`;
}

/** The checksum of a file, read in pieces. */
export async function md5Of(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) hash.update(chunk);
  return hash.digest("hex");
}

function checkTotal(options: DownloadOptions, { total, contentType }: PartResponse): void {
  const { sizeBytes } = options;
  if (sizeBytes === undefined || total === undefined || total === sizeBytes) return;
  throw anotherFile(options, `${total} bytes of type ${contentType} instead of ${sizeBytes} bytes`);
}

/** Where the beginning of a file lies until the rest is there. */
export const partFile = (file: string) => `${file}.part`;

const versionFile = (part: string) => `${part}.json`;

/** Of the bytes that are there, if they are of this address. */
async function readVersion(part: string, url: string): Promise<FileVersion | undefined> {
  try {
    const { url: of, validator } = JSON.parse(await readFile(versionFile(part), "utf8"));
    return of === url ? { ...(typeof validator === "string" && { validator }) } : undefined;
  } catch {
    return undefined; // Nothing is known of them: they are fetched again.
  }
}

/** In bytes; 0 where there is no file. */
export async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

async function discard(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(versionFile(part), { force: true });
}

const anotherFile = ({ url }: DownloadOptions, fault: string) =>
  new RepvggError(
    "E_DATA",
    `${url} is not the file that was expected: ${fault}. It was not kept. Try again later, or another address with --url.`,
  );

const tooLong = ({ url }: DownloadOptions, total: number) =>
  new RepvggError(
    "E_DATA",
    `${url} sends more than the ${total} bytes that it should have. Try another address with --url.`,
  );

function unreachable(url: string, cause: TransientFailure, failures: number): RepvggError {
  const attempts = failures === 1 ? "1 attempt" : `${failures} attempts`;
  const message =
    `${url} cannot be fetched: ${cause.message} (${attempts}). What came is kept, and the same command goes on from ` +
    "there. Behind a proxy, NODE_USE_ENV_PROXY=1 makes Node 24.5 and newer use HTTP_PROXY; --url takes another address.";
  return new RepvggError("E_NETWORK", message, { cause });
}

function stopped(have: number, sizeBytes: number | undefined): RepvggError {
  const of = sizeBytes === undefined ? "" : ` of ${sizeBytes}`;
  return new RepvggError(
    "E_ABORTED",
    `The download was stopped after ${have}${of} bytes. They are kept, and the same command goes on from there.`,
  );
}

/** What the file system refuses while something is fetched or unpacked. */
export function writeFailure(path: string, cause: unknown): RepvggError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason =
    code === "ENOSPC" || code === "EDQUOT"
      ? "the disk is full. Free some space, or choose another folder; the same command goes on from there"
      : code === "EACCES" || code === "EPERM" || code === "EROFS"
        ? "permission denied. Choose another folder"
        : message;
  return new RepvggError("E_DATA", `${path} cannot be written: ${reason}.`, { cause });
}
