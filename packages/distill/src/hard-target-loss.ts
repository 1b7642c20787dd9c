import { argMax, oneHot as oneHotOf, type Scalar, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { crossEntropy } from "./cross-entropy.ts";
import { checkTeacherShape } from "./soft-target-loss.ts";

/**
 * Hard distillation: the teacher's decision as the label, averaged over the batch.
 *
 *     L = CE(argmax z_t, z_s)
 *
 * Half of it and half of the cross-entropy with the true labels is the loss of DeiT.
 *
 * @param student Logits `z_s`, `[N, C]`.
 * @param teacher Logits `z_t`, `[N, C]`; of equal ones the first counts.
 * @returns Loss in nats; the caller owns the scalar.
 * @throws {ShapeError} the two do not have the same shape.
 * @see Touvron et al. 2020, DeiT, §4, equation 3. https://arxiv.org/abs/2012.12877
 */
export function hardTargetLoss(student: Tensor2D, teacher: Tensor2D): Scalar {
  checkTeacherShape(student, teacher);
  return tidy(() => {
    const decisions = oneHotOf(argMax(teacher, 1), student.shape[1], 1, 0, "float32") as Tensor2D; // [N, C]
    return crossEntropy(student, decisions);
  });
}
