import {
  defineSpec,
  initialState,
  type LossFunction,
  type NdArray,
  type SgdStep,
  type StateDict,
  type TrainableNetwork,
} from "@repvgg/core";
import { randomImages, relativeError } from "@repvgg/tooling";
import { add, mean, mul, type Scalar, square, type Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { DeviceName } from "./device.ts";
import { openDevice } from "./open-device.ts";
import { crossEntropy, freshState, IMAGE_SIZE, images, SPEC, slice, trainState } from "./test-networks.ts";

/** Both compute in float32, in other orders (and by Winograd's algorithm or not): some 1e-6 after five steps. */
const TOLERANCE = 2e-5;
const STEPS = 5;
const BATCH = 8;
const all = images(STEPS * BATCH);
const batch = (k: number) => slice(all, k * BATCH, (k + 1) * BATCH);
const labels = [0, 1, 2, 3, 4, 0, 1, 2];

interface Trained {
  readonly losses: readonly number[];
  readonly logits: readonly Float32Array[];
  readonly state: StateDict;
  readonly optimizer: ReadonlyMap<string, NdArray>;
}

async function learner(name: DeviceName, state = freshState()): Promise<TrainableNetwork<Tensor, Scalar>> {
  const device = await openDevice(name, { threads: 2 });
  return device.createTrainableNetwork({ spec: SPEC, state, imageSize: IMAGE_SIZE, batchSize: BATCH });
}

async function train(network: TrainableNetwork<Tensor, Scalar>, step: SgdStep, from = 0, to = STEPS): Promise<Trained> {
  const [losses, logits]: [number[], Float32Array[]] = [[], []];
  for (let k = from; k < to; k++) {
    const result = await network.trainStep(batch(k), crossEntropy(labels), step);
    losses.push(result.loss);
    logits.push(result.logits.data);
  }
  return { losses, logits, state: await network.exportState(), optimizer: await network.exportOptimizerState() };
}

const largestError = (a: ReadonlyMap<string, NdArray>, b: ReadonlyMap<string, NdArray>) =>
  Math.max(...[...b].map(([name, { data }]) => relativeError(a.get(name)!.data, data)));

describe.each(["wasm", "cpu"] as const)("a training on %s", (name) => {
  it("continues bit for bit in another network", async () => {
    const step = { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-2, nesterov: true };
    const straight = await learner(name);
    const expected = await train(straight, step);

    const first = await learner(name);
    const { state, optimizer } = await train(first, step, 0, 2);
    const second = await learner(name, state);
    await second.importOptimizerState(optimizer);
    const actual = await train(second, step, 2);
    expect(actual.losses).toEqual(expected.losses.slice(2));
    expect(actual.state).toEqual(expected.state);
    expect(actual.optimizer).toEqual(expected.optimizer);
    for (const network of [straight, first, second]) network.dispose();
  });
});

describe.each(["wasm", "cpu"] as const)("a network on %s", (name) => {
  it("switches to deploy form in place, trained or not, with the same answers", async () => {
    const device = await openDevice(name, { threads: 2 });
    const options = { spec: SPEC, state: trainState(), imageSize: IMAGE_SIZE, batchSize: BATCH };
    const seen = batch(0);
    for (const network of [
      await device.createTrainableNetwork(options),
      await device.createNetwork({ ...options, form: "train" }),
    ]) {
      const { data } = await network.predict(seen);
      await network.switchToDeploy(["stage2.1"]);
      expect(network.form).toContain("deploy");
      expect(relativeError((await network.predict(seen)).data, data)).toBeLessThan(TOLERANCE);
      await network.switchToDeploy();
      expect(network.form).toBe("deploy");
      expect(relativeError((await network.predict(seen)).data, data)).toBeLessThan(TOLERANCE);
      network.dispose();
    }
  });
});

describe("the same steps on tfjs and in the engine", () => {
  it.each([
    { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-2, nesterov: false },
    { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-2, nesterov: true },
    { learningRate: 0.05, momentum: 0, weightDecay: 0, nesterov: false },
  ])("agree with $momentum momentum, Nesterov's: $nesterov", async (step) => {
    const [tfjs, engine] = [await learner("cpu"), await learner("wasm")];
    const [a, b] = [await train(engine, step), await train(tfjs, step)];
    expect(b.losses.at(-1)).not.toBeCloseTo(b.losses[0]!, 3); // the steps move something
    expect(relativeError(a.losses, b.losses)).toBeLessThan(TOLERANCE);
    a.logits.forEach((logits, k) => {
      expect(relativeError(logits, b.logits[k]!)).toBeLessThan(TOLERANCE);
    });
    expect([...a.state.keys()]).toEqual([...b.state.keys()]);
    expect(largestError(a.state, b.state)).toBeLessThan(TOLERANCE);
    if (step.momentum > 0) {
      expect([...a.optimizer.keys()].sort()).toEqual([...b.optimizer.keys()].sort());
      expect(largestError(a.optimizer, b.optimizer)).toBeLessThan(TOLERANCE);
    }
    tfjs.dispose();
    engine.dispose();
  });

  it("agree on a loss of the stages' outputs too", async () => {
    const step = { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-2, nesterov: false };
    const loss: LossFunction<Tensor, Scalar> = (outputs) => {
      const [first, , third] = outputs.features;
      const hints = add(mean(square(first!)), mean(square(third!)));
      return add<Scalar>(crossEntropy(labels)(outputs), mul(hints, 0.5));
    };
    const [tfjs, engine] = [await learner("cpu"), await learner("wasm")];
    const losses: number[][] = [];
    for (let k = 0; k < STEPS; k++) {
      losses.push(await Promise.all([engine, tfjs].map(async (n) => (await n.trainStep(batch(k), loss, step)).loss)));
    }
    for (const [a, b] of losses) expect(Math.abs(a! - b!)).toBeLessThan(TOLERANCE * b!);
    expect(largestError(await engine.exportState(), await tfjs.exportState())).toBeLessThan(TOLERANCE);
    const [a, b] = [await engine.features(batch(0)), await tfjs.features(batch(0))];
    a.forEach(({ shape, data }, stage) => {
      expect(shape).toEqual(b[stage]!.shape);
      expect(relativeError(data, b[stage]!.data)).toBeLessThan(TOLERANCE);
    });
    tfjs.dispose();
    engine.dispose();
  });

  it.each([
    ["all of it", []],
    ["with a frozen beginning", ["stem", "stage1"]],
  ])("agree on RepVGGplus's auxiliary classifiers, %s", async (_, freeze) => {
    const spec = defineSpec({
      ...SPEC,
      numBlocks: [1, 1, 2, 1],
      squeezeExcitation: "after-relu",
      auxiliaryHeads: true,
    });
    const step = { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-2, nesterov: false };
    // Of one classifier too few: what a loss does not read has a gradient of zeros.
    const loss: LossFunction<Tensor, Scalar> = (outputs) => {
      const [first, , third] = outputs.auxiliary.map((logits) => crossEntropy(labels)({ ...outputs, logits }));
      return add<Scalar>(crossEntropy(labels)(outputs), mul(add(first!, third!), 0.1));
    };
    const networks = await Promise.all(
      (["wasm", "cpu"] as const).map(async (name) => {
        const device = await openDevice(name, { threads: 2 });
        const state = initialState(spec, 2);
        return device.createTrainableNetwork({ spec, state, imageSize: [24, 20], batchSize: BATCH, freeze });
      }),
    );
    for (let k = 0; k < STEPS; k++) {
      const seen = randomImages([BATCH, 24, 20, 3], k);
      const [a, b] = await Promise.all(networks.map((network) => network.trainStep(seen, loss, step)));
      expect(Math.abs(a!.loss - b!.loss)).toBeLessThan(TOLERANCE * b!.loss);
    }
    const [a, b] = await Promise.all(networks.map((network) => network.exportState()));
    expect(a!.get("stage2_aux.0.bn.num_batches_tracked")!.data[0]).toBe(STEPS);
    expect(largestError(a!, b!)).toBeLessThan(TOLERANCE);
    for (const network of networks) network.dispose();
  });

  it("a training is carried over from one to the other", async () => {
    const step = { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-2, nesterov: false };
    const straight = await learner("cpu");
    const expected = await train(straight, step);

    const first = await learner("cpu");
    const { state, optimizer } = await train(first, step, 0, 2);
    const second = await learner("wasm", state);
    await second.importOptimizerState(optimizer);
    const actual = await train(second, step, 2);
    expect(relativeError(actual.losses, expected.losses.slice(2))).toBeLessThan(TOLERANCE);
    for (const network of [straight, first, second]) network.dispose();
  });
});
