import type { ConstantTable } from "./constant-table.ts";
import type { Variant } from "./variant.ts";
import { type FunctionBuilder, f32x4, type Vector } from "./wasm-builder.ts";

/**
 * The matrices of Winograd's F(4×4, 3×3) applied to one row or column of vectors, on the points 0, ±a, ±b, ∞.
 *
 *     Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A
 *
 * With a = √½ and b = √2 the rounding error is about a third of that of the usual points 1 and 2, and as a · b = 1 some products
 * fall away.
 *
 * @see Lavin and Gray 2015. https://arxiv.org/abs/1509.09308
 * @see Barabasz et al. 2020, on points. https://arxiv.org/abs/1803.10986
 */
const a = Math.SQRT1_2;
const b = Math.SQRT2;
// Exact, where a · a would be a rounding away from it.
const a2 = 0.5;
const b2 = 2;
/** Lagrange's denominators of the points ±a and ±b. */
const Na = 2 * a2 * (a2 - b2);
const Nb = 2 * b2 * (b2 - a2);

/** Where a transform writes its intermediate values, and how it multiplies. */
export interface Arithmetic {
  /** A value that is used several times. */
  readonly keep: (value: Vector) => Vector;
  /** factor · x */
  readonly scale: (factor: number, x: Vector) => Vector;
  /** factor · x + y */
  readonly scaleAdd: (factor: number, x: Vector, y: Vector) => Vector;
}

/** @param factors What to load here, outside of a loop to come, rather than at the first use. */
export function arithmetic(
  f: FunctionBuilder,
  constants: ConstantTable,
  { fused }: Variant,
  factors: readonly number[] = [],
): Arithmetic {
  const constant = constants.loader(f);
  for (const factor of factors) constant(factor);
  return {
    keep: (value) => f.v128(value),
    scale: (factor, x) => f32x4.mul(constant(factor), x),
    scaleAdd: (factor, x, y) => f32x4.multiplyAdd(constant(factor), x, y, fused),
  };
}

/** Maps `inputs` vectors to as many as the matrix has rows. */
export interface Transform {
  readonly inputs: number;
  readonly apply: (arithmetic: Arithmetic, values: readonly Vector[]) => Vector[];
}

const { add, sub } = f32x4;

/** Bᵀ: 6 values of the input to 6 of the transformed input. */
export const INPUT_TRANSFORM: Transform = {
  inputs: 6,
  apply: ({ keep, scale, scaleAdd }, [d0, d1, d2, d3, d4, d5]: readonly Vector[]) => {
    const evenA = keep(scaleAdd(-b2, d2!, d4!));
    const oddA = keep(scale(a, scaleAdd(-b2, d1!, d3!)));
    const evenB = keep(scaleAdd(-a2, d2!, d4!));
    const oddB = keep(scale(b, scaleAdd(-a2, d1!, d3!)));
    return [
      add(d0!, scaleAdd(-a2 - b2, d2!, d4!)),
      add(evenA, oddA),
      sub(evenA, oddA),
      add(evenB, oddB),
      sub(evenB, oddB),
      add(d1!, scaleAdd(-a2 - b2, d3!, d5!)),
    ];
  },
};

/** Aᵀ: 6 products to 4 outputs. */
export const OUTPUT_TRANSFORM: Transform = {
  inputs: 6,
  apply: ({ keep, scale, scaleAdd }, [m0, m1, m2, m3, m4, m5]: readonly Vector[]) => {
    const sumA = keep(add(m1!, m2!));
    const differenceA = keep(sub(m1!, m2!));
    const sumB = keep(add(m3!, m4!));
    const differenceB = keep(sub(m3!, m4!));
    return [
      add(add(m0!, sumA), sumB),
      scaleAdd(a, differenceA, scale(b, differenceB)),
      scaleAdd(a2, sumA, scale(b2, sumB)),
      scaleAdd(a * a2, differenceA, scaleAdd(b * b2, differenceB, m5!)),
    ];
  },
};

/** A: 4 values of the output's gradient to 6. */
export const GRADIENT_TRANSFORM: Transform = {
  inputs: 4,
  apply: ({ keep, scale, scaleAdd }, [d0, d1, d2, d3]: readonly Vector[]) => {
    const evenA = keep(scaleAdd(a2, d2!, d0!));
    const oddA = keep(scaleAdd(a, d1!, scale(a * a2, d3!)));
    const evenB = keep(scaleAdd(b2, d2!, d0!));
    const oddB = keep(scaleAdd(b, d1!, scale(b * b2, d3!)));
    return [d0!, add(evenA, oddA), sub(evenA, oddA), add(evenB, oddB), sub(evenB, oddB), d3!];
  },
};

/** Gᵀ: 6 sums of products to the gradients of 3 taps. */
export const KERNEL_GRADIENT_TRANSFORM: Transform = {
  inputs: 6,
  apply: ({ keep, scale, scaleAdd }, [u0, u1, u2, u3, u4, u5]: readonly Vector[]) => {
    const sumA = keep(scale(1 / Na, add(u1!, u2!)));
    const differenceA = keep(scale(a / Na, sub(u1!, u2!)));
    const sumB = keep(scale(1 / Nb, add(u3!, u4!)));
    const differenceB = keep(scale(b / Nb, sub(u3!, u4!)));
    return [add(u0!, add(sumA, sumB)), add(differenceA, differenceB), scaleAdd(a2, sumA, scaleAdd(b2, sumB, u5!))];
  },
};

/** The even and the odd part of the kernel's transform at one pair of points ±x: (g0 + x² g2) / N and x · g1 / N. */
export interface PointPair {
  readonly constant: number;
  readonly square: number;
  readonly linear: number;
}
export const POINT_PAIRS: readonly [PointPair, PointPair] = [
  { constant: 1 / Na, square: a2 / Na, linear: a / Na },
  { constant: 1 / Nb, square: b2 / Nb, linear: b / Nb },
];

export function evenAndOdd(
  { keep, scale, scaleAdd }: Arithmetic,
  { constant, square, linear }: PointPair,
  [g0, g1, g2]: readonly Vector[],
): [even: Vector, odd: Vector] {
  return [keep(scaleAdd(constant, g0!, scale(square, g2!))), keep(scale(linear, g1!))];
}

/** G: 3 taps to 6 values. */
export const KERNEL_TRANSFORM: Transform = {
  inputs: 3,
  apply: (arithmetic, taps) => {
    const [evenA, oddA] = evenAndOdd(arithmetic, POINT_PAIRS[0], taps);
    const [evenB, oddB] = evenAndOdd(arithmetic, POINT_PAIRS[1], taps);
    return [taps[0]!, add(evenA, oddA), sub(evenA, oddA), add(evenB, oddB), sub(evenB, oddB), taps[2]!];
  },
};
