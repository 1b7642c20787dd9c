import { ShapeError, sameShape } from "@repvgg/core";
import { add, div, mul, reshape, type Scalar, sqrt, type Tensor2D, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import { hintLoss } from "./hint-loss.ts";
import { rowSums, spread } from "./spread.ts";

/**
 * Attention transfer: the student looks where the teacher looks, whatever the numbers of channels.
 *
 *     L = mean_{n, i} (a_s[n, i] − a_t[n, i])²        a = q / ‖q‖₂,   q[n, i] = Σ_c f[n, i, c]²
 *
 * `i` counts the pixels. The authors' code takes this mean where the paper has a norm, and a weight of 500.
 *
 * @param student `f_s`, `[N, h, w, C]`.
 * @param teacher `f_t`, `[N, h, w, C']`; treated as constant.
 * @returns The caller owns the scalar.
 * @throws {ShapeError} the two have other heights or widths.
 * @see Zagoruyko and Komodakis 2016, Paying More Attention to Attention, §3.1, equation 2. https://arxiv.org/abs/1612.03928
 */
export function attentionLoss(student: Tensor4D, teacher: Tensor4D): Scalar {
  const [N, h, w] = student.shape;
  if (!sameShape(student.shape.slice(0, 3), teacher.shape.slice(0, 3))) {
    throw new ShapeError("The teacher's features", `[${N}, ${h}, ${w}, C]`, teacher.shape);
  }
  return tidy(() => hintLoss(attentionMap(student), attentionMap(teacher)));
}

/** `a`, `[N, h · w]`. */
function attentionMap(features: Tensor4D): Tensor2D {
  const [N, h, w, C] = features.shape;
  const flat = reshape(features, [N * h * w, C]) as Tensor2D;
  const q = reshape(rowSums(mul(flat, flat)), [N, h * w]) as Tensor2D;
  // Features that are 0 everywhere attend to nothing: 0, not 0/0.
  const norm = sqrt(add(rowSums(mul(q, q)), 1e-24)) as Tensor2D; // [N, 1]
  return div(q, spread(norm, h * w));
}
