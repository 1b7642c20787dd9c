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

/** What may pass: the server is asked again, after this time where it names one. */
export class TransientFailure extends Error {
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { retryAfterMs, ...options }: ErrorOptions & { retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Asks for the rest of a file.
 *
 * @param have Bytes that are there already.
 * @param version Of these bytes: the rest comes only if the file is still that one, else all of it (If-Range).
 * @throws {TransientFailure} The server cannot be reached, or says that it is busy.
 * @throws {RepvggError} `E_NETWORK`: it refuses.
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
    throw new TransientFailure(reasonOf(cause), { cause });
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
  throw new RepvggError(
    "E_NETWORK",
    `${url} cannot be fetched: ${answer}. Check the address; --url takes another one.`,
  );
}

const restart = (url: string, signal: AbortSignal) => requestPart(url, 0, {}, signal);

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  try {
    yield* response.body as unknown as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw new TransientFailure(`the connection broke off (${reasonOf(cause)})`, { cause });
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
function reasonOf(cause: unknown): string {
  let reason = cause as Error & { code?: string };
  while (reason.cause instanceof Error) reason = reason.cause;
  return reason.message || (reason.code ?? String(cause));
}
