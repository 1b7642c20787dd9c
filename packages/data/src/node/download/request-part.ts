import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { RepvggError } from "@repvgg/core";
import { httpGet } from "./http-get.ts";

/** What a server said of a file, so that the rest of the same file can be asked for. */
export interface FileVersion {
  /** A strong entity tag, else the time of change. Absent: the server tells versions apart by neither. */
  readonly validator?: string;
}

/** The answer to one request for a file, from `start` on. */
export interface PartResponse {
  /** Where `body` begins; 0 although more was asked for, where the server sends the whole file or has another one now. */
  readonly start: number;
  /** Of the whole file, where the server says it. */
  readonly total: number | undefined;
  readonly version: FileVersion;
  readonly contentType: string;
  /** Empty where nothing is missing any more. */
  readonly body: AsyncIterable<Uint8Array>;
}

interface TransientOptions extends ErrorOptions {
  readonly retryAfterMs?: number | undefined;
  readonly mostAttempts?: number | undefined;
}

/** What may pass: the server is asked again, after this time where it names one, and so often at most. */
export class TransientFailure extends Error {
  readonly retryAfterMs: number | undefined;
  readonly mostAttempts: number;

  constructor(
    message: string,
    { retryAfterMs, mostAttempts = Number.POSITIVE_INFINITY, ...options }: TransientOptions = {},
  ) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
    this.mostAttempts = mostAttempts;
  }
}

/** A name that no server has is mostly a mistake; a resolver that was just started may need a second look. */
const MOST_ATTEMPTS: Readonly<Record<string, number>> = { ENOTFOUND: 2 };

/**
 * Asks for the rest of a file.
 *
 * @param have Bytes that are there already.
 * @param version Of these bytes: the rest comes only if the file is still that one, else all of it (If-Range).
 * @param signal Also ends the connection of an answer that is not read to its end.
 * @throws {TransientFailure} The server cannot be reached, or says that it is busy.
 * @throws {RepvggError} `E_NETWORK`: it refuses, answers what was not asked for, or no attempt can succeed: no HTTP, a certificate
 *   that is not valid.
 * @see RFC 9110, sections 13.1.5 (If-Range), 14.2 (Range), 15.5.17 (416)
 */
export async function requestPart(
  url: string,
  have: number,
  { validator }: FileVersion,
  signal: AbortSignal,
): Promise<PartResponse> {
  const response = await httpGet(
    url,
    // The bytes as they are: ranges and sizes are of these.
    {
      "accept-encoding": "identity",
      ...(have > 0 && { range: `bytes=${have}-`, ...(validator && { "if-range": validator }) }),
    },
    signal,
  ).catch((cause: unknown) => {
    const { message, code } = reasonOf(cause);
    if (!signal.aborted && isFinal(code)) throw refused(url, message);
    throw new TransientFailure(message, { cause, mostAttempts: MOST_ATTEMPTS[code ?? ""] });
  });
  const { statusCode: status = 0, headers } = response;
  const part = partOf(response, have);
  if (part !== undefined) {
    return { ...part, version: versionOf(headers), contentType: headers["content-type"] ?? "unknown" };
  }
  response.destroy();
  // Another part than was asked for, or the file has shrunk: all of it, which cannot be mistaken twice.
  if ((status === 206 || status === 416) && have > 0) return requestPart(url, 0, {}, signal);
  const answer = `${new URL(url).host} answered ${status} ${response.statusMessage ?? ""}`.trim();
  if (status >= 500 || status === 408 || status === 429) {
    const retryAfterMs = retryAfter(headers);
    const wait = retryAfterMs ? `, and asks to wait ${retryAfterMs / 1000} s` : "";
    throw new TransientFailure(answer + wait, { retryAfterMs });
  }
  throw refused(url, headers["content-encoding"] ? `${answer}, encoded as ${headers["content-encoding"]}` : answer);
}

/** What an answer has of the file; undefined: nothing that can be used. */
function partOf(response: IncomingMessage, have: number): Pick<PartResponse, "start" | "total" | "body"> | undefined {
  const { statusCode: status, headers } = response;
  if (headers["content-encoding"] && headers["content-encoding"] !== "identity") return undefined;
  if (status === 206) {
    const range = parseRange(headers["content-range"]);
    return range?.start === have ? { start: have, total: range.total, body: bodyOf(response) } : undefined;
  }
  if (status === 416 && have > 0) {
    const total = /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
    if (Number(total) !== have) return undefined;
    response.destroy();
    return { start: have, total: have, body: nothing() };
  }
  if (status !== 200) return undefined;
  const length = headers["content-length"];
  return { start: 0, total: length === undefined ? undefined : Number(length), body: bodyOf(response) };
}

function refused(url: string, why: string): RepvggError {
  return new RepvggError("E_NETWORK", `${url} cannot be fetched: ${why}. Check the address; --url takes another one.`);
}

/** What the same server answers again: certificates, no TLS (EPROTO), no HTTP (HPE_), a redirect that leads nowhere. */
function isFinal(code: string | undefined): boolean {
  return code === undefined || /CERT|^UNABLE_TO_|^EPROTO|^HPE_|^ERR_INVALID_/.test(code);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* bodyOf(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* response as AsyncIterable<Uint8Array>;
  } catch (cause) {
    const { message, code } = reasonOf(cause);
    throw new TransientFailure(`the connection broke off (${code ?? message})`, { cause });
  }
}

/** Weak tags (W/"...") stand for the same meaning, not the same bytes. */
function versionOf({ etag, "last-modified": changed }: IncomingHttpHeaders): FileVersion {
  const validator = etag?.startsWith('"') ? etag : changed;
  return validator ? { validator } : {};
}

function parseRange(range: string | undefined): { start: number; total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? "");
  return match ? { start: Number(match[1]), total: match[2] === "*" ? undefined : Number(match[2]) } : undefined;
}

/** Seconds only: a date is of no use where clocks differ. */
function retryAfter(headers: IncomingHttpHeaders): number | undefined {
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}

/** A host of several addresses fails with a code only. */
function reasonOf(cause: unknown): { message: string; code: string | undefined } {
  const { message, code } = cause as NodeJS.ErrnoException;
  return { message: message || (code ?? String(cause)), code };
}
