import { checkState, stateLayout } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { backward64 } from "./backward64.ts";
import { crossEntropy64 } from "./cross-entropy64.ts";
import { type Forward64, forward64 } from "./forward64.ts";
import { relativeError } from "./relative-error.ts";
import { sgd64 } from "./sgd64.ts";
import type { State64 } from "./tensor64.ts";
import { type TorchReference, torchReference } from "./torch-reference.ts";

// Both compute in float64 and sum in another order.
const FLOAT64 = 1e-11;
// What PyTorch gave was rounded to float32 for the file.
const ROUNDED = 1e-7;

/** The loss that the fixtures are of, and its gradients. */
function lossOf({ labels, auxiliaryWeight }: TorchReference, { logits, auxiliary }: Forward64) {
  const own = crossEntropy64(logits, labels);
  const others = auxiliary.map((head) => crossEntropy64(head.logits, labels));
  return {
    loss: others.reduce((sum, { loss }) => sum + auxiliaryWeight * loss, own.loss),
    gradient: own.gradient,
    auxiliary: others.map(({ gradient }) => gradient.map((g) => auxiliaryWeight * g)),
  };
}

describe.each(["plain", "grouped", "plus"] as const)("the float64 reference against PyTorch, %s", (name) => {
  const torch = torchReference(name);
  const { plan, state, images } = torch;
  const forward = forward64(plan, state, images, { mode: "train" });

  it("has PyTorch's entries, in PyTorch's order", () => {
    checkState(plan, "train", state);
    expect([...state.keys()]).toEqual(stateLayout(plan, "train").map((entry) => entry.name));
  });

  it("gives the logits of both modes", () => {
    const { logits } = forward64(plan, state, images, { mode: "inference" });
    expect(relativeError(logits, torch.evalLogits)).toBeLessThan(FLOAT64);
    expect(relativeError(forward.logits, torch.trainLogits)).toBeLessThan(FLOAT64);
    expect(forward.auxiliary.length).toBe(torch.auxiliaryLogits.length);
    forward.auxiliary.forEach((head, i) => {
      expect(relativeError(head.logits, torch.auxiliaryLogits[i]!)).toBeLessThan(FLOAT64);
    });
  });

  it("gives the gradients", () => {
    const { gradient, ...beside } = lossOf(torch, forward);
    const gradients = backward64(forward, gradient, beside);
    expect([...gradients.keys()].sort()).toEqual([...torch.gradients.keys()].sort());
    const scale = Math.max(...[...torch.gradients.values()].flatMap(({ data }) => [...data].map(Math.abs)));
    for (const [parameter, { data }] of torch.gradients) {
      const error = Math.max(...data.map((g, i) => Math.abs(g - gradients.get(parameter)![i]!)));
      expect(error / scale, parameter).toBeLessThan(ROUNDED);
    }
  });

  it.each([false, true])("gives the losses of five steps, nesterov %s, and the state after them", (nesterov) => {
    let trained: State64 = state;
    const velocity = new Map<string, Float64Array>();
    const losses = torch.losses.map(() => {
      const tape = forward64(plan, trained, images, { mode: "train" });
      const { loss, gradient, ...beside } = lossOf(torch, tape);
      const gradients = backward64(tape, gradient, beside);
      trained = sgd64(plan, trained, gradients, velocity, tape.runningStatistics, { ...torch.sgd, nesterov });
      return loss;
    });
    expect(relativeError(losses, nesterov ? torch.nesterovLosses : torch.losses)).toBeLessThan(FLOAT64);
    if (nesterov) return;
    for (const [entry, { data }] of torch.stateAfter) {
      expect(relativeError(trained.get(entry)!.data, data), entry).toBeLessThan(ROUNDED);
    }
  });
});
