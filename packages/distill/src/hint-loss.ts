import { ShapeError, sameShape } from "@repvgg/core";
import { mul, type Scalar, sub, type Tensor, tidy } from "@tensorflow/tfjs-core";
import { innerProduct } from "./inner-product.ts";

/**
 * The distance of a student's features from a teacher's, averaged over all their values.
 *
 *     L = mean (r(f_s) − f_t)²
 *
 * The paper has half the sum of squares, whose size grows with the features'; with the mean, a weight means the same at
 * every stage. `r`, the projection to the teacher's width, is `HintProjections`' to learn.
 *
 * @param student `r(f_s)`, `[N, h, w, C]`.
 * @param teacher `f_t`, of the same shape; treated as constant.
 * @returns The caller owns the scalar.
 * @throws {ShapeError} the two do not have the same shape.
 * @see Romero et al. 2014, FitNets, §2.2, equation 3. https://arxiv.org/abs/1412.6550
 */
export function hintLoss(student: Tensor, teacher: Tensor): Scalar {
  if (!sameShape(student.shape, teacher.shape)) {
    throw new ShapeError("The teacher's features", `[${student.shape}]`, teacher.shape);
  }
  return tidy(() => {
    const difference = sub(student, teacher);
    return mul<Scalar>(innerProduct(difference, difference), 1 / difference.size);
  });
}
