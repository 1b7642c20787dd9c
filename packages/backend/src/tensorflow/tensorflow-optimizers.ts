import type { AdamWStep, SgdStep } from "@repvgg/core";
import type { Moments } from "@repvgg/core/nn";
import { add, mul, scalar, type Tensor, type Variable, zerosLike } from "@tensorflow/tfjs-core";
import { attributes, tensorflowBackend } from "./tensorflow-ops.ts";
import { lendToVariable, takeFromVariable } from "./tensorflow-variables.ts";

/**
 * An update by SGD with momentum in one pass over memory, by TensorFlow's operation, which changes weight and velocity in place.
 * See `NetworkKernels.sgd`.
 */
export function tensorflowSgd(
  weight: Variable,
  velocity: Tensor | undefined,
  gradient: Tensor,
  { learningRate, momentum, nesterov, weightDecay }: SgdStep,
): Tensor {
  // Nesterov's step has the decay twice, in the gradient and in the velocity; else it is enough in the velocity, in place.
  const decayed = nesterov && weightDecay > 0 ? add(gradient, mul(weight, weightDecay)) : gradient;
  const v = lendToVariable(velocity ?? zerosLike(weight), 1);
  if (!nesterov && weightDecay > 0) {
    // v + (weightDecay / momentum) · w, which the momentum then multiplies
    apply("ResourceApplyGradientDescent", [v], [scalar(-weightDecay / momentum), weight]);
  }
  const w = lendToVariable(weight, 0);
  apply("ResourceApplyMomentum", [w, v], [scalar(learningRate), decayed, scalar(momentum)], nesterov);
  weight.assign(takeFromVariable(w));
  return takeFromVariable(v);
}

/**
 * The same by AdamW. TensorFlow adds ε to √v, PyTorch to √(v / (1 − β₂ᵗ)): ε is scaled to that.
 * See `NetworkKernels.adamw`.
 */
export function tensorflowAdamW(
  weight: Variable,
  moments: Moments | undefined,
  gradient: Tensor,
  { learningRate, beta1, beta2, epsilon, weightDecay, updates }: AdamWStep & { readonly updates: number },
): Moments {
  const [power1, power2] = [beta1 ** updates, beta2 ** updates];
  const decayed = weightDecay === 0 ? weight : mul(weight, 1 - learningRate * weightDecay);
  const [first, second] = [moments?.first ?? zerosLike(weight), moments?.second ?? zerosLike(weight)];
  const [w, m, v] = [lendToVariable(decayed, 0), lendToVariable(first, 1), lendToVariable(second, 2)];
  const numbers = [power1, power2, learningRate, beta1, beta2, epsilon * Math.sqrt(1 - power2)];
  apply("ResourceApplyAdam", [w, m, v], [...numbers.map((number) => scalar(number)), gradient]);
  weight.assign(takeFromVariable(w));
  return { first: takeFromVariable(m), second: takeFromVariable(v) };
}

function apply(name: string, variables: readonly number[], inputs: readonly Tensor[], nesterov?: boolean): void {
  const backend = tensorflowBackend();
  const make = attributes(backend.binding);
  const handles = [...variables, ...backend.getInputTensorIds(inputs)];
  const options = nesterov === undefined ? [] : [make.boolean("use_nesterov", nesterov)];
  backend.binding.executeOp(name, [make.type("T"), ...options], handles, 0);
}
