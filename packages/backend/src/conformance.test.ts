import type { NdArray, SgdStep, StateDict, TrainableNetwork } from "@repvgg/core";
import { backward64, type Forward64, forward64, relativeError, type State64, sgd64 } from "@repvgg/tooling";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { DeviceName } from "./device.ts";
import { listDevices } from "./list-devices.ts";
import { openDevice } from "./open-device.ts";
import { CASES, type Case, crossEntropyOf, distillationOf, fused, type Objective } from "./test-conformance.ts";

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
/** Five steps multiply the differences of one: the next step's gradient is taken elsewhere. */
const TOLERANCE_AFTER_STEPS = 1e-3;
const STEPS = 5;
const STEP: SgdStep = { learningRate: 0.02, momentum: 0.9, weightDecay: 1e-2, nesterov: true };

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

function backward(forward: Forward64, gradients: Objective["gradients"]) {
  const { logits, auxiliary } = gradients(forward);
  return backward64(forward, logits, auxiliary && { auxiliary });
}

/** What the steps should give. */
function reference({ plan, state, images }: Case, { gradients }: Objective) {
  let current: State64 = state;
  const velocity = new Map<string, Float64Array>();
  for (let k = 0; k < STEPS; k++) {
    const forward = forward64(plan, current, images, { mode: "train" });
    current = sgd64(plan, current, backward(forward, gradients), velocity, forward.runningStatistics, STEP);
  }
  return current;
}

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
        ["cross-entropy", crossEntropyOf(example)],
        ["distillation", distillationOf(example)],
      ])("gives every gradient of %s, and the running statistics", async (_, { loss, gradients: gradientsOf }) => {
        const network = await learner(name, example, state);
        // The first velocity is the gradient; the learning rate moves nothing.
        const step = { learningRate: 0, momentum: 0.9, weightDecay: 0, nesterov: false };
        const { logits } = await network.trainStep(images, loss, step);
        const forward = forward64(plan, state, images, { mode: "train" });
        expect(relativeError(logits.data, forward.logits)).toBeLessThan(TOLERANCE[name]);
        const gradients = await network.exportOptimizerState();
        const expected = backward(forward, gradientsOf);
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
        const objective = crossEntropyOf(example);
        const network = await learner(name, example, state);
        for (let k = 0; k < STEPS; k++) await network.trainStep(images, objective.loss, STEP);
        expect(largestError(await network.exportState(), reference(example, objective))).toBeLessThan(
          TOLERANCE_AFTER_STEPS,
        );
        network.dispose();
      });
    });

    it.each(devices.filter((other) => other.available).map((other) => other.name))(
      "continues a training that began on %s",
      async (other) => {
        if (new Set([name, other]).size === 2 && [name, other].every((device) => ["cuda", "native"].includes(device)))
          return;
        const example = CASES[0]!;
        const objective = crossEntropyOf(example);
        const first = await learner(other, example, example.state);
        for (let k = 0; k < 2; k++) await first.trainStep(example.images, objective.loss, STEP);
        const second = await learner(name, example, await first.exportState());
        await second.importOptimizerState(await first.exportOptimizerState());
        for (let k = 2; k < STEPS; k++) await second.trainStep(example.images, objective.loss, STEP);
        expect(largestError(await second.exportState(), reference(example, objective))).toBeLessThan(
          TOLERANCE_AFTER_STEPS,
        );
        first.dispose();
        second.dispose();
      },
    );

    it("continues bit for bit on itself", async () => {
      const example = CASES[0]!;
      const { loss } = crossEntropyOf(example);
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
