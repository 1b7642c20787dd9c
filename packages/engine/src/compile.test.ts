import { findVariant, fuseState, layerPlan, stateLayout } from "@repvgg/core";
import { backward64, forward64, relativeError } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { compileInference, compileTraining } from "./compile.ts";
import { Interpreter } from "./interpreter/test-interpreter.ts";
import { panelled } from "./layouts.ts";
import { storedInputChannels } from "./network-buffers.ts";
import { trainableSlots } from "./parameters.ts";
import type { PlacedNetwork } from "./placed-network.ts";
import { reluMasks, TEST_NETWORKS, type TestNetwork, testNetwork } from "./test-networks.ts";
import { readSlot, writeState } from "./transfer.ts";

/** The interpreter sums in float64 and stores float32: a few roundings a layer. */
const TOLERANCE = 1e-5;

function stage(interpreter: Interpreter, { buffers, plan }: PlacedNetwork, { images }: TestNetwork): void {
  const stored = storedInputChannels(plan.blocks[0]!);
  const channels = plan.spec.inputChannels;
  images.data.forEach((value, i) => {
    interpreter.floats[buffers.staging / 4 + Math.floor(i / channels) * stored + (i % channels)] = value;
  });
}

function logits(interpreter: Interpreter, { buffers, plan, batch }: PlacedNetwork): number[] {
  const { numClasses } = plan.spec;
  const stride = panelled(numClasses);
  return Array.from({ length: batch * numClasses }, (_, i) => {
    const row = Math.floor(i / numClasses);
    return interpreter.floats[buffers.logits / 4 + row * stride + (i % numClasses)]!;
  });
}

describe.each(Object.entries(TEST_NETWORKS))("%s", (_, testCase) => {
  const network = testNetwork(testCase);
  const { plan, state, images, batch, spec } = network;
  const gradient = Float32Array.from({ length: batch * spec.numClasses }, (_, i) => Math.sin(i + 1));

  it("trains as the float64 reference does", () => {
    const { memory, result } = compileTraining(plan, batch, 1);
    const interpreter = new Interpreter(memory);
    writeState(interpreter.parameterMemory, result.parameters, stateLayout(plan, "train"), state);
    stage(interpreter, result, network);

    interpreter.run(result.programs.forward.program);
    const reference = forward64(plan, state, images, {
      mode: "train",
      masks: reluMasks(interpreter.floats, result.buffers),
    });
    expect(relativeError(logits(interpreter, result), reference.logits)).toBeLessThan(TOLERANCE);
    for (const [name, expected] of reference.runningStatistics) {
      const actual = readSlot(interpreter.floats, result.parameters.slots.get(name)!);
      expect(relativeError(actual.data, expected), name).toBeLessThan(TOLERANCE);
    }

    const stride = panelled(spec.numClasses);
    const { gradients: inputs } = result.inputs;
    for (const address of [inputs.logits, ...inputs.auxiliary]) {
      gradient.forEach((value, i) => {
        const row = Math.floor(i / spec.numClasses);
        interpreter.floats[address / 4 + row * stride + (i % spec.numClasses)] = value;
      });
    }
    interpreter.run(result.programs.backward.program);
    const gradients = backward64(reference, gradient, { auxiliary: plan.auxiliary.map(() => gradient) });
    for (const slot of trainableSlots(result.parameters)) {
      const { name } = slot.entry;
      const actual = readSlot(interpreter.floats, slot, result.parameters.gradientOffset);
      const expected = gradients.get(name)!;
      expect(relativeError(actual.data, expected), name).toBeLessThan(TOLERANCE);
    }
  });

  it.each(["train", "deploy"] as const)("answers in %s form as the float64 reference does", (form) => {
    const { memory, result } = compileInference(plan, form, batch, 1);
    const interpreter = new Interpreter(memory);
    const inForm = form === "train" ? state : fuseState(spec, state);
    writeState(interpreter.parameterMemory, result.parameters, stateLayout(plan, form), inForm);
    stage(interpreter, result, network);
    interpreter.run(result.programs.prepare.program);
    interpreter.run(result.programs.predict.program);
    const reference = forward64(plan, state, images, { mode: "inference" });
    expect(relativeError(logits(interpreter, result), reference.logits)).toBeLessThan(TOLERANCE);
  });
});

describe("gradient checkpointing", () => {
  it("plans less memory: RepVGG-A0 with 32 images of 224 pixels in two thirds", () => {
    const plan = layerPlan(findVariant("repvgg-a0").spec, [224, 224]);
    const [whole, checkpointed] = [false, true].map(
      (checkpointing) => compileTraining(plan, 32, 2, { checkpointing, extras: false }).memory.bytes,
    );
    expect(checkpointed! / whole!).toBeLessThan(2 / 3);
  });
});
