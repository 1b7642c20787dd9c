/** Width and height of what is hashed: each pixel is compared with its right neighbour, 8 × 8 times. */
export const HASH_SIZE = { width: 9, height: 8 } as const;

/**
 * The difference hash of a picture: 64 bits that barely change when it is resized or compressed again.
 *
 *     bit[y, x] = grey[y, x] < grey[y, x + 1]
 *
 * @param grey 9 × 8 grey levels.
 * @returns Two halves of 32 bits.
 * @see N. Krawetz, "Kind of Like That", 2013. https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
 */
export function differenceHash(grey: Uint8Array): [high: number, low: number] {
  const halves: [number, number] = [0, 0];
  for (let y = 0; y < HASH_SIZE.height; y++) {
    for (let x = 0; x < 8; x++) {
      const at = y * HASH_SIZE.width + x;
      const bit = grey[at]! < grey[at + 1]! ? 1 : 0;
      const half = y < 4 ? 0 : 1;
      halves[half] = (halves[half] << 1) | bit;
    }
  }
  return halves;
}

/** Bits that differ. */
export function hashDistance(a: readonly [number, number], b: readonly [number, number]): number {
  return bitCount(a[0] ^ b[0]) + bitCount(a[1] ^ b[1]);
}

function bitCount(x: number): number {
  x -= (x >>> 1) & 0x55555555;
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
