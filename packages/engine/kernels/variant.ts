/** What a build of the kernels is for. */
export interface Variant {
  readonly name: "wide-fma" | "narrow-fma" | "narrow";
  /** Rows of the register tile. */
  readonly rows: number;
  /** Vectors across the register tile: 4 where V8 packs pairs into 256 bits, 2 where it does not. */
  readonly vectors: 4 | 2;
  /** Multiply and add in one rounding (relaxed SIMD). */
  readonly fused: boolean;
  /** Steps of the inner loop a turn; Node 20 needs 4 to hide the loop. */
  readonly turns: number;
  /** Vectors that a tile transform takes together: a pair to pack, or as few registers as possible. */
  readonly pair: 2 | 1;
}

/**
 * The builds. Wide and narrow with FMA compute every float by the same operations in the same order, so their results are equal
 * bit for bit. Wide without packing is slower than narrow, hence both; packing needs Node ≥ 24, which has relaxed SIMD.
 */
export const VARIANTS: readonly Variant[] = [
  { name: "wide-fma", rows: 6, vectors: 4, fused: true, turns: 2, pair: 2 },
  { name: "narrow-fma", rows: 6, vectors: 2, fused: true, turns: 4, pair: 1 },
  { name: "narrow", rows: 4, vectors: 2, fused: false, turns: 4, pair: 1 },
];
