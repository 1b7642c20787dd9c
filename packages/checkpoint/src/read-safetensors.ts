import { RepvggError, sizeOf } from "@repvgg/core";
import { type ByteSource, memorySource } from "./byte-source.ts";
import { DTYPE_BYTES, type Dtype, isDtype } from "./dtypes.ts";
import { objectKeys } from "./object-keys.ts";
import type { StoredWeights } from "./stored-weights.ts";

/** A tensor as it lies in a file. */
export interface RawTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row-major, little-endian. */
  readonly data: Uint8Array;
}

export interface Safetensors {
  /** In the order of the header. The data are views into the file's bytes. */
  readonly tensors: Map<string, RawTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry extends Omit<RawTensor, "data"> {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = "__metadata__";

/**
 * Reads a safetensors file: the length of the header as a 64-bit number, the header as JSON, the data. Nothing in the file is
 * trusted: every length and offset is checked before it is used.
 *
 * @param bytes The whole file; borrowed, the tensors are views into it.
 * @param source The file's name, for the message.
 * @throws {RepvggError} `E_CHECKPOINT`: the file is not safetensors, cut short, or contradicts itself.
 * @see https://github.com/huggingface/safetensors#format
 */
export function readSafetensors(bytes: Uint8Array, source = "The safetensors data"): Safetensors {
  const { tensors, metadata } = openSafetensors(memorySource(bytes), source);
  const raw = [...tensors].map(([name, { dtype, shape, read }]) => [name, { dtype, shape, data: read() }] as const);
  return { tensors: new Map(raw), metadata };
}

/** {@link readSafetensors} of a file that need not be in memory: only the header is read, tensors when they are asked for. */
export function openSafetensors(file: ByteSource, source: string): StoredWeights {
  const fail: Fail = (why, cause) => {
    throw new RepvggError("E_CHECKPOINT", `${source} ${why}`, { cause });
  };
  const { header, dataStart } = readHeader(file, fail);
  const { [METADATA_KEY]: metadata = {}, ...descriptions } = header;
  const dataLength = file.size - dataStart;
  const entries = Object.entries(descriptions).map(([name, value]) => readEntry(name, value, dataLength, fail));
  checkCoverage(entries, dataLength, fail);
  return {
    tensors: new Map(
      entries.map(({ name, dtype, shape, begin, end }) => [
        name,
        {
          dtype,
          shape,
          read: () => file.read(dataStart + begin, dataStart + end),
          readPart: (from: number, to: number) => file.read(dataStart + begin + from, dataStart + begin + to),
        },
      ]),
    ),
    metadata: readMetadata(metadata, fail),
  };
}

type Fail = (why: string, cause?: unknown) => never;

function readHeader(file: ByteSource, fail: Fail): { header: Record<string, unknown>; dataStart: number } {
  if (file.size < 8) fail(`is not safetensors: it has ${file.size} bytes, and the length of its header alone takes 8.`);
  const head = file.read(0, Math.min(file.size, 9));
  checkForeign(head, fail);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length > MAX_HEADER_BYTES) {
    fail(`is not safetensors, or damaged: its header would have ${length} bytes, and ${MAX_HEADER_BYTES} are allowed.`);
  }
  if (length > file.size - 8) {
    fail(`is cut short: its header has ${length} bytes, but only ${file.size - 8} follow. Copy or download it again.`);
  }
  let header: unknown;
  let json = "";
  try {
    json = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(file.read(8, 8 + length));
    header = JSON.parse(json);
  } catch (cause) {
    fail(`is not safetensors, or damaged: its header is not JSON (${(cause as Error).message}).`, cause);
  }
  if (!isObject(header)) return fail("is not safetensors, or damaged: its header is JSON, but no object.");
  const keys = objectKeys(json);
  const seen = new Set<string>();
  const repeated = keys.find((key) => seen.size === seen.add(key).size);
  if (repeated !== undefined) fail(`is damaged: its header names "${repeated}" twice.`);
  return { header, dataStart: 8 + length };
}

/** Whether it begins as safetensors: less than 2⁴⁸ bytes of header, which is an object. A length can look like other formats. */
export function looksLikeSafetensors(head: Uint8Array): boolean {
  return head[6] === 0 && head[7] === 0 && head[8] === 0x7b;
}

function checkForeign(head: Uint8Array, fail: Fail): void {
  if (looksLikeSafetensors(head)) return;
  if (head[0] === 0x50 && head[1] === 0x4b && head[2] === 0x03) {
    fail(
      "is a zip archive, perhaps a PyTorch file (.pth, .pt), and only safetensors is read here; parseCheckpoint reads both.",
    );
  }
  if (head[0] === 0x80 && head[1] === 0x02) {
    fail(
      "is a Python pickle, perhaps an old PyTorch file, and only safetensors is read here; parseCheckpoint reads both.",
    );
  }
}

function readEntry(name: string, value: unknown, dataLength: number, fail: Fail): Entry {
  const tensor = `is damaged: tensor "${name}"`;
  if (!isObject(value)) return fail(`${tensor} is described by something else than an object.`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    return fail(
      `has tensor "${name}" of the type ${JSON.stringify(dtype)}, which is not one of ${Object.keys(DTYPE_BYTES).join(", ")}.`,
    );
  }
  if (!isWholeNumbers(shape) || !Number.isSafeInteger(sizeOf(shape))) {
    return fail(`${tensor} has the shape ${JSON.stringify(shape)}; whole numbers, 0 or more, are needed.`);
  }
  if (!isWholeNumbers(offsets) || offsets.length !== 2) {
    return fail(`${tensor} has the offsets ${JSON.stringify(offsets)}; two whole numbers, 0 or more, are needed.`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) fail(`${tensor} ends (${end}) before it begins (${begin}).`);
  if (end > dataLength) {
    fail(
      `is cut short: tensor "${name}" ends at byte ${end} of the data, but there are ${dataLength}. Copy or download it again.`,
    );
  }
  const needed = sizeOf(shape) * DTYPE_BYTES[dtype];
  if (end - begin !== needed)
    fail(`${tensor} [${shape.join(", ")}] of ${dtype} needs ${needed} bytes and has ${end - begin}.`);
  return { name, dtype, shape, begin, end };
}

/** Every byte of the data must belong to exactly one tensor. */
function checkCoverage(entries: readonly Entry[], dataLength: number, fail: Fail): void {
  let covered = 0;
  let last = "";
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < covered) fail(`is damaged: tensors "${last}" and "${name}" overlap at byte ${begin} of the data.`);
    if (begin > covered)
      fail(`is damaged: bytes ${covered} to ${begin} of the data, before tensor "${name}", belong to no tensor.`);
    covered = end;
    last = name;
  }
  if (covered < dataLength) fail(`is damaged: its last ${dataLength - covered} bytes belong to no tensor.`);
}

function readMetadata(metadata: unknown, fail: Fail): Record<string, string> {
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    return fail(`is damaged: its ${METADATA_KEY} is no object of strings.`);
  }
  return metadata as Record<string, string>;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isWholeNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
