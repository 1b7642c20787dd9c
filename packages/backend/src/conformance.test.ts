import type { NdArray, StateDict, TrainableNetwork } from "@repvgg/core";
import { forward64, relativeError } from "@repvgg/tooling";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { DeviceName } from "./device.ts";
import { listDevices } from "./list-devices.ts";
import { openDevice } from "./open-device.ts";
import { CASES, type Case, fused, SEED, STEP, STEPS, training64 } from "./test-conformance.ts";
import { backwardOf, crossEntropyOf, distillationOf } from "./test-objectives.ts";

/**
 * How far each device may be from the float64 reference, as a fraction of the largest value. All compute in float32, in orders of their
 * own, through six layers; WebGPU's shaders may round each operation by several units more.
 */
const TOLERANCE: Record<DeviceName, number> = {
  cuda: 1e-4,
  native: 2e-5,
  webgpu: 1e-4,
  wasm: 2e-5,
  "tfjs-wasm": 2e-5,
  cpu: 2e-5,
};
/** Steps add up the differences of each, and take the next gradient elsewhere. */
const toleranceAfterSteps = (name: DeviceName) => TOLERANCE[name] * STEPS;

/** Devices whose absence is a failure; `.ci/run` names those that the machine can have. */
const REQUIRED = (process.env.REPVGG_REQUIRE_DEVICES ?? "wasm,tfjs-wasm,cpu").split(",");

const devices = await listDevices();

type Learner = TrainableNetwork<Tensor, Scalar>;

async function learner(name: DeviceName, { plan, images }: Case, state: StateDict, threads = 2): Promise<Learner> {
  const device = await openDevice(name, { threads });
  const [imageSize, batchSize] = [plan.inputSize, images.shape[0]];
  return device.createTrainableNetwork({ spec: plan.spec, state, imageSize, batchSize });
}

const largestError = (
  actual: ReadonlyMap<string, NdArray>,
  expected: ReadonlyMap<string, { data: ArrayLike<number> }>,
) => Math.max(...[...expected].map(([name, { data }]) => relativeError(actual.get(name)!.data, data)));

const afterSteps = (example: Case) => [...training64(example, crossEntropyOf(example.labels))].at(-1)!.after;

it.each(REQUIRED)("the device %s is here", (name) => {
  const { available, reason } = devices.find((device) => device.name === name)!;
  expect(available, reason).toBe(true);
});

it.each(devices.filter(({ available }) => !available))("nothing is tested on $name: $reason", ({ reason }) => {
  expect(reason).not.toBe("");
});

for (const { name } of devices.filter(({ available }) => available)) {
  describe(name, () => {
    describe.each(CASES)("$name", (example) => {
      const { plan, state, images } = example;

      it.each(["train", "deploy"] as const)("predicts, in %s form", async (form) => {
        const device = await openDevice(name, { threads: 2 });
        const given = form === "train" ? state : fused(example);
        const options = { spec: plan.spec, state: given, form, imageSize: plan.inputSize, batchSize: images.shape[0] };
        const network = await device.createNetwork(options);
        const { data } = await network.predict(images);
        const expected = forward64(plan, given, images, { mode: "inference" }).logits;
        expect(relativeError(data, expected)).toBeLessThan(TOLERANCE[name]);
        network.dispose();
      });

      it.each([
        ["cross-entropy", crossEntropyOf(example.labels)],
        ["distillation", distillationOf(example.labels.length, plan.spec.numClasses, SEED)],
      ])("gives every gradient of %s, and the running statistics", async (_, objective) => {
        const network = await learner(name, example, state);
        // The first velocity is the gradient; the learning rate moves nothing.
        const step = { learningRate: 0, momentum: 0.9, weightDecay: 0, nesterov: false };
        const { logits } = await network.trainStep(images, objective.loss, step);
        const forward = forward64(plan, state, images, { mode: "train" });
        expect(relativeError(logits.data, forward.logits)).toBeLessThan(TOLERANCE[name]);
        const gradients = await network.exportOptimizerState();
        const expected = backwardOf(forward, objective);
        expect([...gradients.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [key, values] of expected) {
          expect(relativeError(gradients.get(key)!.data, values), key).toBeLessThan(TOLERANCE[name] * 10);
        }
        const after = await network.exportState();
        for (const [key, data] of forward.runningStatistics) {
          expect(relativeError(after.get(key)!.data, data), key).toBeLessThan(TOLERANCE[name]);
        }
        network.dispose();
      });

      it("takes five steps", async () => {
        const objective = crossEntropyOf(example.labels);
        const network = await learner(name, example, state);
        for (let k = 0; k < STEPS; k++) await network.trainStep(images, objective.loss, STEP);
        expect(largestError(await network.exportState(), afterSteps(example))).toBeLessThan(toleranceAfterSteps(name));
        network.dispose();
      });
    });

    it.each(devices.filter((other) => other.available).map((other) => other.name))(
      "continues a training that began on %s",
      async (other) => {
        if (new Set([name, other]).size === 2 && [name, other].every((device) => ["cuda", "native"].includes(device)))
          return;
        const example = CASES[0]!;
        const objective = crossEntropyOf(example.labels);
        const first = await learner(other, example, example.state);
        for (let k = 0; k < 2; k++) await first.trainStep(example.images, objective.loss, STEP);
        const second = await learner(name, example, await first.exportState());
        await second.importOptimizerState(await first.exportOptimizerState());
        for (let k = 2; k < STEPS; k++) await second.trainStep(example.images, objective.loss, STEP);
        expect(largestError(await second.exportState(), afterSteps(example))).toBeLessThan(toleranceAfterSteps(name));
        first.dispose();
        second.dispose();
      },
    );

    it("continues bit for bit on itself", async () => {
      const example = CASES[0]!;
      const { loss } = crossEntropyOf(example.labels);
      const straight = await learner(name, example, example.state);
      for (let k = 0; k < STEPS; k++) await straight.trainStep(example.images, loss, STEP);
      const first = await learner(name, example, example.state);
      for (let k = 0; k < 2; k++) await first.trainStep(example.images, loss, STEP);
      const second = await learner(name, example, await first.exportState());
      await second.importOptimizerState(await first.exportOptimizerState());
      for (let k = 2; k < STEPS; k++) await second.trainStep(example.images, loss, STEP);
      expect(await second.exportState()).toEqual(await straight.exportState());
      expect(await second.exportOptimizerState()).toEqual(await straight.exportOptimizerState());
      for (const network of [straight, first, second]) network.dispose();
    });
  });
}
