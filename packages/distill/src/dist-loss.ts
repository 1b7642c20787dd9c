import {
  add,
  div,
  exp,
  mul,
  ones,
  type Scalar,
  sqrt,
  sub,
  type Tensor2D,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import { checkWeights } from "./dkd-loss.ts";
import { innerProduct } from "./inner-product.ts";
import { logSoftmax } from "./log-softmax.ts";
import { checkTeacherShape, checkTemperature, type TemperatureOptions } from "./soft-target-loss.ts";
import { rowSums, spread } from "./spread.ts";

export interface DistLossOptions extends TemperatureOptions {
  /** Weight `β` of the relations between an image's classes. @default 1 */
  distBeta?: number;
  /** Weight `γ` of the relations between a class's images. @default 1 */
  distGamma?: number;
}

/** The authors' for ImageNet; at CIFAR-100's smaller networks they take a temperature of 4 and weights of 2. */
export const DIST_LOSS_DEFAULTS = {
  temperature: 1,
  distBeta: 1,
  distGamma: 1,
} as const satisfies Required<DistLossOptions>;

/** The authors': a row without any spread has a correlation of 0. */
const EPSILON = 1e-8;

/**
 * DIST: the student's probabilities need not equal the teacher's, only correlate with them.
 *
 *     L = T² · (β · (1 − mean_n ρ(p_s[n, ·], p_t[n, ·])) + γ · (1 − mean_c ρ(p_s[·, c], p_t[·, c])))
 *     p = softmax(z / T),  ρ = Pearson's correlation
 *
 * Rows are images (which classes are alike), columns are classes (which images of the batch are alike).
 *
 * @param student Logits `z_s`, `[N, C]`.
 * @param teacher Logits `z_t`, `[N, C]`; treated as constant.
 * @returns A number from 0 to `2 T² (β + γ)`; the caller owns the scalar.
 * @throws {ShapeError} the two do not have the same shape.
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 * @see Huang et al. 2022, Knowledge Distillation from a Stronger Teacher, §3, equations 8 to 10. https://arxiv.org/abs/2205.10536
 */
export function distLoss(student: Tensor2D, teacher: Tensor2D, options: DistLossOptions = {}): Scalar {
  const { temperature, distBeta, distGamma } = { ...DIST_LOSS_DEFAULTS, ...options };
  checkDistLoss({ temperature, distBeta, distGamma });
  checkTeacherShape(student, teacher);
  return tidy(() => {
    const own = exp(logSoftmax(div(student, temperature))) as Tensor2D; // [N, C]
    const given = exp(logSoftmax(div(teacher, temperature))) as Tensor2D; // [N, C]
    const squared = temperature * temperature;
    const interClass = sub(1, meanCorrelation(own, given));
    const intraClass = sub(1, meanCorrelation(transpose(own), transpose(given)));
    return add<Scalar>(mul(interClass, distBeta * squared), mul(intraClass, distGamma * squared));
  });
}

/** The options' ranges, to be checked before any data is touched. */
export function checkDistLoss(options: DistLossOptions): void {
  const { temperature, distBeta, distGamma } = { ...DIST_LOSS_DEFAULTS, ...options };
  checkTemperature(temperature);
  checkWeights({ distBeta, distGamma });
}

/** The mean over rows of Pearson's correlation of two matrices `[R, K]`. */
function meanCorrelation(a: Tensor2D, b: Tensor2D): Scalar {
  const [R] = a.shape;
  const [x, y] = [centred(a), centred(b)]; // [R, K]
  const product = rowSums(mul(x, y)); // [R, 1]
  const correlation = div(product, add(mul(rowNorms(x), rowNorms(y)), EPSILON)) as Tensor2D; // [R, 1]
  return mul<Scalar>(innerProduct(correlation, ones([R, 1])), 1 / R);
}

function centred(matrix: Tensor2D): Tensor2D {
  const K = matrix.shape[1];
  return sub(matrix, spread(mul(rowSums(matrix), 1 / K), K));
}

/** Not quite 0 where the row is: the slope of a root at 0 is infinite. */
function rowNorms(matrix: Tensor2D): Tensor2D {
  return sqrt(add(rowSums(mul(matrix, matrix)), 1e-24));
}
