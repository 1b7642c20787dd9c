import { InMemoryDataset } from "./dataset.ts";

/** `n` images of 2×3 grey pixels; every pixel of image i has the value i, its label is i modulo 3. */
export function countingDataset(n: number): InMemoryDataset {
  return new InMemoryDataset({
    pixels: Uint8Array.from({ length: n * 6 }, (_, i) => Math.floor(i / 6)),
    labels: Int32Array.from({ length: n }, (_, i) => i % 3),
    classes: ["a", "b", "c"],
    size: [2, 3],
    channels: 1,
  });
}

/** An idx file of bytes. */
export function idxFile(shape: readonly number[], data: ArrayLike<number>, type = 0x08): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  bytes.set([0, 0, type, shape.length]);
  shape.forEach((n, i) => {
    new DataView(bytes.buffer).setUint32(4 + 4 * i, n);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}
