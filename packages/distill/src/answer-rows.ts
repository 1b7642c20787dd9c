import { halfToNumber, numberToHalf, RepvggError } from "@repvgg/core";
import { murmurHash } from "./murmur-hash.ts";

/** What a teacher's answers are kept as. */
export interface AnswerFormat {
  readonly numClasses: number;
  /** How many of the largest logits are kept, fewer than there are classes; the others become equal. @default all */
  readonly topK?: number | undefined;
}

/** Three words: what it is the hash of, the image's index, the image's fingerprint. */
const HEADER = 12;
/** The lowest finite half: at any temperature in use, its probability is 0. */
const LOWEST = -65504;
const MOST_SHORT_INDICES = 2 ** 16;

/** @throws {RepvggError} `E_USAGE`: `topK` is no whole number, or not less than the number of classes. */
export function checkAnswerFormat({ numClasses, topK }: AnswerFormat): void {
  if (topK === undefined || (Number.isInteger(topK) && topK >= 1 && topK < numClasses)) return;
  throw new RepvggError(
    "E_USAGE",
    `The largest ${topK} of ${numClasses} logits cannot be kept: the number must be from 1 to ${numClasses - 1}. Leave it out to keep all.`,
  );
}

/** Bytes of one row, always a multiple of 4. */
export function answerRowBytes({ numClasses, topK }: AnswerFormat): number {
  const payload = topK === undefined ? 2 * numClasses : (indexBytes(numClasses) + 2) * topK + 2;
  return HEADER + Math.ceil(payload / 4) * 4;
}

const indexBytes = (numClasses: number) => (numClasses <= MOST_SHORT_INDICES ? 2 : 4);

/**
 * One answer as a row of bytes, little-endian, that knows its image and whether it is whole.
 *
 *     hash (4)  image (4)  fingerprint (4)  then, as float16:
 *     all:      z_1 − max z, …, z_C − max z
 *     top K:    the K largest of these, r, and the classes they are of      r = log( 1/(C−K) · Σ_rest exp(z_c − max z) )
 *
 * Distances from the largest are what a softmax depends on, and float16 is finest where they are small. With the classes that are left
 * out at r, their probability is spread evenly over them and that of the others is what it was.
 *
 * @param logits `[C]`; borrowed.
 * @param image Its index in the data set.
 * @param fingerprint Of what the teacher saw: {@link imageFingerprint}.
 * @throws {RepvggError} `E_DATA`: the largest logit is not finite.
 * @see Wu et al. 2022, TinyViT, §3.1: sparse soft labels. https://arxiv.org/abs/2207.10666
 */
export function encodeAnswer(
  logits: Float32Array,
  format: AnswerFormat,
  { image, fingerprint }: { image: number; fingerprint: number },
): Uint8Array {
  const row = new DataView(new ArrayBuffer(answerRowBytes(format)));
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY); // NaN, if there is any
  if (!Number.isFinite(largest)) {
    throw new RepvggError(
      "E_DATA",
      `The teacher answers image ${image} with ${largest}: nothing can be learnt from it. Check the teacher's weights and the image.`,
    );
  }
  const putHalf = (at: number, z: number) => row.setUint16(at, numberToHalf(Math.max(z, LOWEST)), true);
  row.setUint32(4, image, true);
  row.setUint32(8, fingerprint, true);
  if (format.topK === undefined) {
    for (const [c, z] of logits.entries()) putHalf(HEADER + 2 * c, z - largest);
  } else {
    const kept = largestOf(logits, format.topK);
    for (const [k, c] of kept.entries()) putHalf(HEADER + 2 * k, logits[c]! - largest);
    putHalf(HEADER + 2 * kept.length, meanOfRest(logits, largest, kept));
    const { at, put } = indicesOf(row, format, kept.length);
    for (const [k, c] of kept.entries()) put(at(k), c);
  }
  row.setUint32(0, hashOf(row), true);
  return new Uint8Array(row.buffer);
}

/** What stands in a row. */
export interface KeptAnswer {
  /** Its index in the data set. */
  readonly image: number;
  readonly fingerprint: number;
  /** `[C]`, the largest 0; newly allocated. */
  readonly logits: Float32Array;
}

/** Whether a row is as it was written. */
export function isWholeRow(bytes: Uint8Array): boolean {
  const row = viewOf(bytes);
  return row.getUint32(0, true) === hashOf(row) && row.getUint32(0, true) !== 0;
}

/** The index of the image that a row is of. */
export const imageOfRow = (bytes: Uint8Array): number => viewOf(bytes).getUint32(4, true);

/** What {@link encodeAnswer} wrote. */
export function decodeAnswer(bytes: Uint8Array, format: AnswerFormat): KeptAnswer {
  const { numClasses, topK } = format;
  const row = viewOf(bytes);
  const half = (k: number) => halfToNumber(row.getUint16(HEADER + 2 * k, true));
  const logits = new Float32Array(numClasses);
  if (topK === undefined) for (let c = 0; c < numClasses; c++) logits[c] = half(c);
  else {
    logits.fill(half(topK));
    const { at, get } = indicesOf(row, format, topK);
    for (let k = 0; k < topK; k++) logits[get(at(k))] = half(k);
  }
  return { image: imageOfRow(bytes), fingerprint: row.getUint32(8, true), logits };
}

/** Numbers that are looked at of one image at most. */
const LOOKED_AT = 4096;

/**
 * Tells whether the teacher would see what it saw: the same image, augmented and normalised in the same way.
 *
 * @param pixels `[H, W, C]`; of large images some, spread evenly over it.
 */
export function imageFingerprint(pixels: Float32Array): number {
  const step = Math.ceil(pixels.length / LOOKED_AT);
  const some = Float32Array.from({ length: Math.ceil(pixels.length / step) }, (_, i) => pixels[i * step]!);
  return murmurHash(new Uint32Array(some.buffer), pixels.length);
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);

/** Of all but the hash itself. */
function hashOf({ buffer, byteOffset, byteLength }: DataView): number {
  const isAligned = byteOffset % 4 === 0;
  const [words, start] = isAligned ? [buffer, byteOffset] : [buffer.slice(byteOffset, byteOffset + byteLength), 0];
  return murmurHash(new Uint32Array(words, start + 4, byteLength / 4 - 1));
}

/** Where the classes stand: behind the numbers. */
function indicesOf(row: DataView, { numClasses }: AnswerFormat, topK: number) {
  const bytes = indexBytes(numClasses);
  const at = (k: number) => HEADER + 2 * (topK + 1) + bytes * k;
  return bytes === 2
    ? { at, put: (i: number, c: number) => row.setUint16(i, c, true), get: (i: number) => row.getUint16(i, true) }
    : { at, put: (i: number, c: number) => row.setUint32(i, c, true), get: (i: number) => row.getUint32(i, true) };
}

/** The classes of the K largest, the largest first; of equal ones the first. */
function largestOf(logits: Float32Array, K: number): number[] {
  const classes = Array.from(logits, (_, c) => c);
  return classes.sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, K);
}

/** The logit at which the classes that are not kept have, together, the probability that they had. */
function meanOfRest(logits: Float32Array, largest: number, kept: readonly number[]): number {
  const isKept = new Uint8Array(logits.length);
  for (const c of kept) isKept[c] = 1;
  let sum = 0;
  logits.forEach((z, c) => {
    if (!isKept[c]) sum += Math.exp(z - largest);
  });
  return Math.log(sum / (logits.length - kept.length));
}
