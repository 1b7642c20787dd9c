import {
  add,
  customGrad,
  divNoNan,
  mul,
  onesLike,
  type Scalar,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor4D,
  tidy,
} from "@tensorflow/tfjs-core";
import type { BlockTensors } from "./block-tensors.ts";
import { centred, scaleOf } from "./equivalent-kernel-bias.ts";

/**
 * The authors' L2 penalty of a block, which sees the kernel that its branches are fused into.
 *
 *     Σ K₃²  without the centre  +  Σ E² / (t₃² + t₁²)        E = t₃ · K₃,centre + t₁ · K₁        t = γ / √(σ² + ε)
 *
 * The centre is taken of both branches together, and normalised so that the penalty is comparable to plain L2. The identity branch
 * takes no part. A loss adds λ/2 of it for each block, in place of weight decay λ on the two kernels.
 *
 * Differentiable with respect to the two kernels; t counts as a constant, as the authors detach it. A group's kernels are penalised
 * like any other: element by element, with the factors of their output channel. A channel whose t are both 0 adds nothing to the
 * second sum, where PyTorch's division gives NaN.
 *
 * @param block Borrowed.
 * @returns The caller owns it.
 * @see `get_custom_L2` of https://github.com/DingXiaoH/RepVGG
 */
export function customL2({ dense, pointwise }: Pick<BlockTensors, "dense" | "pointwise">): Scalar {
  // In closed form: tfjs cannot detach t otherwise, and its gradient of a division by 0 is NaN.
  const penalty = customGrad<Scalar>((...inputs) => {
    const [k3, k1, save] = inputs as [Tensor4D, Tensor4D, (tensors: Tensor[]) => void];
    const [t3, t1] = [scaleOf(dense), scaleOf(pointwise)]; // [O]
    const norm = add(square(t3), square(t1));
    const [, , perGroup, outputs] = k3.shape;
    const centre = slice(k3, [1, 1, 0, 0], [1, 1, perGroup, outputs]); // [1, 1, I/groups, O]
    const circle = sub(k3, centred(centre));
    const equivalent = add(mul(centre, t3), mul(k1, t1));
    const normalised = mul(equivalent, divNoNan(onesLike(norm), norm));
    save([add(circle, centred(mul(normalised, t3))), mul(normalised, t1)]);
    return {
      value: add<Scalar>(sum(square(circle)), sum(mul(equivalent, normalised))),
      gradFunc: (dy: Scalar, halves: Tensor[]) => halves.map((half) => mul(half, mul(dy, 2))),
    };
  });
  return tidy(() => penalty(dense.kernel, pointwise.kernel));
}
