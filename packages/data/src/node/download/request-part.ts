import { RepvggError } from "@repvgg/core";

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
 * @throws {TransientFailure} The server cannot be reached, or says that it is busy.
 * @throws {RepvggError} `E_NETWORK`: it refuses, or no attempt can succeed: a port that fetch blocks, a certificate that is not valid.
 * @see RFC 9110, sections 13.1.5 (If-Range), 14.2 (Range), 15.5.17 (416)
 */
export async function requestPart(
  url: string,
  have: number,
  { validator }: FileVersion,
  signal: AbortSignal,
): Promise<PartResponse> {
  const response = await fetch(url, {
    signal,
    // The bytes as they are: ranges and sizes are of these.
    headers: {
      "accept-encoding": "identity",
      ...(have > 0 && { range: `bytes=${have}-`, ...(validator && { "if-range": validator }) }),
    },
  }).catch((cause: unknown) => {
    const { message, code } = reasonOf(cause);
    if (!signal.aborted && isFinal(code)) throw refused(url, message);
    throw new TransientFailure(message, { cause, mostAttempts: MOST_ATTEMPTS[code ?? ""] });
  });
  const { status, headers } = response;
  const common = { version: versionOf(headers), contentType: headers.get("content-type") ?? "unknown" };
  if (status === 206) {
    const range = parseRange(headers.get("content-range"));
    if (range?.start === have) return { ...common, start: have, total: range.total, body: bodyOf(response) };
    await response.body?.cancel();
    return restart(url, signal); // another part than was asked for
  }
  if (status === 416 && have > 0) {
    await response.body?.cancel();
    const total = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
    if (Number(total) === have) return { ...common, start: have, total: have, body: nothing() };
    return restart(url, signal);
  }
  if (status === 200) {
    const length = headers.get("content-length");
    return { ...common, start: 0, total: length === null ? undefined : Number(length), body: bodyOf(response) };
  }
  await response.body?.cancel();
  const answer = `${new URL(url).host} answered ${status} ${response.statusText}`.trim();
  if (status >= 500 || status === 408 || status === 429) {
    throw new TransientFailure(answer, { retryAfterMs: retryAfter(headers) });
  }
  throw refused(url, answer);
}

function refused(url: string, why: string): RepvggError {
  return new RepvggError("E_NETWORK", `${url} cannot be fetched: ${why}. Check the address; --url takes another one.`);
}

/** Failures of the network have codes; without one, fetch itself refuses: a blocked port, too many redirects, another scheme. */
function isFinal(code: string | undefined): boolean {
  return code === undefined || /CERT|^UNABLE_TO_/.test(code);
}

const restart = (url: string, signal: AbortSignal) => requestPart(url, 0, {}, signal);

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  try {
    yield* response.body as unknown as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw new TransientFailure(`the connection broke off (${reasonOf(cause).message})`, { cause });
  }
}

/** Weak tags (W/"...") stand for the same meaning, not the same bytes. */
function versionOf(headers: Headers): FileVersion {
  const tag = headers.get("etag");
  const validator = tag?.startsWith('"') ? tag : headers.get("last-modified");
  return validator ? { validator } : {};
}

function parseRange(range: string | null): { start: number; total: number | undefined } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? "");
  return match ? { start: Number(match[1]), total: match[2] === "*" ? undefined : Number(match[2]) } : undefined;
}

/** Seconds only: a date is of no use where clocks differ. */
function retryAfter(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}

/** fetch says "fetch failed"; why stands in the causes. */
function reasonOf(cause: unknown): { message: string; code: string | undefined } {
  let reason = cause as Error & { code?: unknown };
  while (reason.cause instanceof Error) reason = reason.cause;
  const code = typeof reason.code === "string" ? reason.code : undefined;
  return { message: reason.message || (code ?? String(cause)), code };
}
