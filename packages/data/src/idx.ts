import { RepvggError, sizeOf } from "@repvgg/core";

/** The content of an idx file of bytes. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** A view into the file's bytes. */
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
const OTHER_TYPES: Readonly<Record<number, string>> = {
  9: "signed bytes",
  11: "16-bit integers",
  12: "32-bit integers",
  13: "float32",
  14: "float64",
};

/**
 * Reads the idx format of the MNIST files: two zero bytes, a type, the number of dimensions, each dimension as a big-endian
 * 32-bit number, then the elements. Only unsigned bytes are read.
 *
 * @param bytes The file, uncompressed; borrowed, the result is a view into it.
 * @param source The file's name, for the message.
 * @throws {RepvggError} `E_DATA`: this is no idx file, it holds something else than bytes, or its length does not fit.
 * @see http://yann.lecun.com/exdb/mnist/
 */
export function readIdx(bytes: Uint8Array, source = "The idx data"): IdxArray {
  const fail = (why: string): never => {
    throw new RepvggError("E_DATA", `${source} ${why}`);
  };
  if (bytes.length < 4)
    fail(`is no idx file: ${bytes.length} bytes are too few for its header. Is the download complete?`);
  const [first, second, type, dimensions] = bytes as unknown as [number, number, number, number];
  if (first === 0x1f && second === 0x8b) {
    fail("is compressed with gzip. Decompress it first, or read it with @repvgg/data/node, which does.");
  }
  if (first !== 0 || second !== 0) {
    const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    fail(
      `is no idx file: it begins with ${start}, an idx file with 00 00. Give the MNIST files as they are published.`,
    );
  }
  if (type !== UNSIGNED_BYTE) {
    const known = OTHER_TYPES[type];
    fail(
      known === undefined
        ? `is no idx file: its type byte is 0x${type.toString(16)}, and bytes have 0x8.`
        : `holds ${known}; only unsigned bytes (0x8) can be read.`,
    );
  }
  const headerLength = 4 + 4 * dimensions;
  if (dimensions === 0 || bytes.length < headerLength) {
    fail(
      `has a header of ${dimensions} dimensions that does not fit its ${bytes.length} bytes. Is the download complete?`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = sizeOf(shape);
  const actual = bytes.length - headerLength;
  if (actual !== expected) {
    const often =
      actual < expected ? "It is cut short: fetch it again." : "There is more after its end: fetch it again.";
    fail(`promises ${shape.join("×")} = ${expected} bytes of data and has ${actual}. ${often}`);
  }
  // A plain view: Node's Buffer overrides slice().
  return { shape, data: new Uint8Array(bytes.buffer, bytes.byteOffset + headerLength, actual) };
}
