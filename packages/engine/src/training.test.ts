import {
  defineSpec,
  fuseState,
  initialState,
  layerPlan,
  type NdArray,
  type OptimizerStep,
  type StateDict,
} from "@repvgg/core";
import { backward64, crossEntropy64, forward64, randomImages, relativeError, sgd64 } from "@repvgg/tooling";
import { afterEach, describe, expect, it } from "vitest";
import { TEST_NETWORKS, testNetwork } from "./test-networks.ts";
import { createTrainingNetwork, type EngineTrainingNetwork } from "./training.ts";

const networks: EngineTrainingNetwork[] = [];
afterEach(() => {
  for (const network of networks.splice(0)) network.dispose();
});
async function create(...args: Parameters<typeof createTrainingNetwork>): Promise<EngineTrainingNetwork> {
  const network = await createTrainingNetwork(...args);
  networks.push(network);
  return network;
}

const STEP = { learningRate: 0.1, momentum: 0.9, weightDecay: 1e-2, nesterov: false };
const LABELS = (batch: number, classes: number) => Int32Array.from({ length: batch }, (_, n) => n % classes);

/** Runs one step from the cross-entropy of the engine's own logits. */
function step(
  network: EngineTrainingNetwork,
  images: Parameters<typeof network.forward>[0],
  nesterov = false,
  more: Partial<OptimizerStep> = {},
): number {
  const { logits } = network.forward(images);
  const { loss, gradient } = crossEntropy64(logits.data, LABELS(logits.shape[0], logits.shape[1]));
  network.backwardAndUpdate({ logits: { shape: logits.shape, data: Float32Array.from(gradient) } }, {
    ...STEP,
    nesterov,
    ...(nesterov && { customL2: 1e-3 }),
    ...more,
  } as OptimizerStep);
  return loss;
}

const bits = (state: ReadonlyMap<string, NdArray>) =>
  [...state].map(([name, { data }]) => [name, new Int32Array(data.buffer, data.byteOffset, data.length)]);

describe.each(Object.entries(TEST_NETWORKS))("training, %s", (_, testCase) => {
  const { spec, imageSize, batch, plan, state, images } = testNetwork(testCase);
  const options = { spec, state, imageSize, batchSize: batch };

  it.each([false, true])("gives the float64 gradients of every parameter, exact: %s", async (exact) => {
    const network = await create({ ...options, exact });
    const { logits } = network.forward(images);
    const reference = forward64(plan, state, images, { mode: "train" });
    // Float32 sums of up to a few hundred products, and Winograd's transforms: about 1e-5 a layer.
    expect(relativeError(logits.data, reference.logits)).toBeLessThan(1e-4);

    const gradient = Float32Array.from(logits.data, (_, i) => Math.sin(i + 1));
    network.backwardAndUpdate({ logits: { shape: logits.shape, data: gradient } }, STEP);
    const expected = backward64(reference, gradient);
    for (const [name, { data }] of network.exportGradients()) {
      // A ReLU that flips at rounding distance changes one product of many; these networks have none that does.
      expect(relativeError(data, expected.get(name)!), name).toBeLessThan(exact ? 2e-4 : 1e-3);
    }
  });

  it("gives and takes gradients at the outputs of the stages", async () => {
    const network = await create(options);
    const { features } = network.forward(images);
    const reference = forward64(plan, state, images, { mode: "train" });
    const lasts = [1, 2, 3, 4].map((stage) => reference.blocks[plan.blocks.findLast((b) => b.stage === stage)!.index]!);
    features.forEach(({ shape, data }, i) => {
      expect(shape).toEqual(lasts[i]!.y.shape);
      expect(relativeError(data, lasts[i]!.y.data)).toBeLessThan(1e-4); // as the logits
    });
    const wave = (array: NdArray, phase: number) => ({
      shape: array.shape,
      data: array.data.map((_, i) => Math.sin(i + phase)),
    });
    const given = features.map((array, i) => (i === 1 ? undefined : wave(array, i)));
    network.backwardAndUpdate({ features: given }, STEP);
    const zeros = new Float64Array(batch * spec.numClasses);
    const expected = backward64(reference, zeros, { features: given.map((gradient) => gradient?.data) });
    for (const [name, { data }] of network.exportGradients()) {
      if (/^linear|_aux/.test(name)) expect(data.every((value) => value === 0)).toBe(true);
      else expect(relativeError(data, expected.get(name)!), name).toBeLessThan(1e-3); // as above
    }
  });

  it("follows float64 SGD for five steps", async () => {
    const network = await create(options);
    let expected: Parameters<typeof forward64>[1] = state;
    const velocity = new Map<string, Float64Array>();
    for (let i = 0; i < 5; i++) {
      const loss = step(network, images);
      const forward = forward64(plan, expected, images, { mode: "train" });
      const reference = crossEntropy64(forward.logits, LABELS(batch, spec.numClasses));
      expect(Math.abs(loss - reference.loss)).toBeLessThan(1e-3);
      const gradients = backward64(forward, reference.gradient);
      expected = sgd64(plan, expected, gradients, velocity, forward.runningStatistics, STEP);
    }
    const trained = await network.exportState();
    expect(trained.get("stage0.rbr_dense.bn.num_batches_tracked")!.data[0]).toBe(
      state.get("stage0.rbr_dense.bn.num_batches_tracked")!.data[0]! + 5,
    );
  });

  it("gives the same bits with all kept or computed again where steps gather gradients, too", async () => {
    const run = async (checkpointing: boolean) => {
      const network = await create({ ...options, threads: 2, checkpointing });
      for (let i = 0; i < 6; i++) step(network, images, false, { accumulation: { weight: 1 / 3, last: i % 3 === 2 } });
      return bits(await network.exportState());
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it("gives the same bits on any number of threads, with all kept or computed again", async () => {
    const run = async (how: { threads: number; checkpointing?: boolean }) => {
      const network = await create({ ...options, ...how });
      for (let i = 0; i < 3; i++) step(network, images, i === 2);
      const predicted = await network.predict(images);
      return [...bits(await network.exportState()), predicted];
    };
    const one = await run({ threads: 1 });
    expect(await run({ threads: 2 })).toEqual(one);
    expect(await run({ threads: 3, checkpointing: true })).toEqual(one);
    expect(await run({ threads: 8 })).toEqual(one);
  });
});

describe("training with auxiliary classifiers", () => {
  const testCase = TEST_NETWORKS["auxiliary classifiers, after whole and padded panels"]!;
  const { spec, imageSize, batch, plan, state, images } = testNetwork(testCase);

  it("gives the logits of the auxiliary classifiers, and takes gradients there", async () => {
    const network = await create({ spec, state, imageSize, batchSize: batch });
    const { auxiliary } = network.forward(images);
    const reference = forward64(plan, state, images, { mode: "train" });
    expect(auxiliary.length).toBe(3);
    auxiliary.forEach(({ shape, data }, head) => {
      expect(shape).toEqual([batch, spec.numClasses]);
      expect(relativeError(data, reference.auxiliary[head]!.logits)).toBeLessThan(1e-4);
    });
    const given = auxiliary.map(({ shape, data }, head) =>
      head === 1 ? undefined : { shape, data: data.map((_, i) => Math.sin(i + head)) },
    );
    network.backwardAndUpdate({ auxiliary: given }, STEP);
    const zeros = new Float64Array(batch * spec.numClasses);
    const expected = backward64(reference, zeros, { auxiliary: given.map((gradient) => gradient?.data) });
    for (const [name, { data }] of network.exportGradients()) {
      const { length } = expected.get(name)!.filter((value) => value !== 0);
      if (length === 0) expect(data.every((value) => value === 0)).toBe(true);
      else expect(relativeError(data, expected.get(name)!), name).toBeLessThan(1e-3);
    }
    const after = await network.exportState();
    for (const [name, statistics] of reference.runningStatistics) {
      expect(relativeError(after.get(name)!.data, statistics), name).toBeLessThan(1e-4);
    }
  });
});

describe("EngineTrainingNetwork", () => {
  const spec = defineSpec({
    numBlocks: [1, 1, 1, 1],
    widthMultiplier: [1 / 16, 1 / 16, 1 / 32, 1 / 64],
    numClasses: 3,
  });
  const imageSize = [16, 16] as const;
  const options = () => ({ spec, state: initialState(spec, 3), imageSize, batchSize: 4 });
  const images = randomImages([4, ...imageSize, 3], 5);

  it.each([
    ["plain", {}],
    // Groups that the engine merges: the zeros between them, which no state has, must stay zero.
    ["merged groups", { groups: { 1: 2, 2: 2 }, squeezeExcitation: "after-relu" }],
  ] as const)("continues bit for bit from its exported state and optimiser state, %s", async (_, rest) => {
    const network = { ...options(), spec: defineSpec({ ...spec, ...rest }) };
    const fresh = () => ({ ...network, state: initialState(network.spec, 3) });
    const straight = await create(fresh());
    for (let i = 0; i < 4; i++) step(straight, images);

    const first = await create(fresh());
    for (let i = 0; i < 2; i++) step(first, images);
    const second = await create({ ...network, state: await first.exportState() });
    await second.importOptimizerState(await first.exportOptimizerState());
    for (let i = 0; i < 2; i++) step(second, images);

    expect(bits(await second.exportState())).toEqual(bits(await straight.exportState()));
  });

  it("gives back the state that it was made from", async () => {
    const { state } = options();
    const network = await create(options());
    expect(await network.exportState()).toEqual(state);
    expect((await network.exportOptimizerState()).size).toBe(0);
  });

  it("leaves no trace of a forward pass that no backward pass follows", async () => {
    const network = await create(options());
    const before = bits(await network.exportState());
    network.forward(images);
    await network.predict(images);
    expect(() => network.backwardAndUpdate({ logits: { shape: [4, 3], data: new Float32Array(12) } }, STEP)).toThrow(
      expect.objectContaining({ code: "E_USAGE" }),
    );
    network.forward(images);
    expect(bits(await network.exportState())).toEqual(before);
  });

  it("predicts any number of images in inference mode", async () => {
    const network = await create(options());
    const many = randomImages([7, ...imageSize, 3], 9);
    const logits = await network.predict(many);
    const reference = forward64(layerPlan(spec, imageSize), options().state, many, { mode: "inference" });
    expect(logits.shape).toEqual([7, 3]);
    expect(relativeError(logits.data, reference.logits)).toBeLessThan(1e-5);
  });

  it("rejects images, gradients and states that do not fit, and use after dispose", async () => {
    const network = await create(options());
    const error = (code: string) => expect.objectContaining({ code });
    expect(() => network.forward(randomImages([3, ...imageSize, 3], 1))).toThrow(error("E_SHAPE"));
    await expect(network.predict(randomImages([1, 16, 15, 3], 1))).rejects.toThrow(error("E_SHAPE"));
    network.forward(images);
    const wide = { shape: [4, 4], data: new Float32Array(16) };
    expect(() => network.backwardAndUpdate({ logits: wide }, STEP)).toThrow(error("E_SHAPE"));
    expect(() => network.backwardAndUpdate({ features: [undefined, wide] }, STEP)).toThrow(error("E_SHAPE"));
    const wrong = new Map([["linear.weight", { shape: [1], data: new Float32Array(1) }]]);
    await expect(network.importOptimizerState(wrong)).rejects.toThrow(error("E_STATE"));
    const incomplete: StateDict = new Map([...options().state].slice(1));
    await expect(create({ ...options(), state: incomplete })).rejects.toThrow(error("E_STATE"));
    network.dispose();
    network.dispose();
    expect(() => network.forward(images)).toThrow(error("E_DISPOSED"));
  });

  it("switches to deploy form in place, after which it learns no more", async () => {
    const network = await create(options());
    step(network, images);
    const [state, logits] = [await network.exportState(), await network.predict(images)];
    await network.switchToDeploy(["stage1.0"]);
    expect(network.form).toEqual(["train", "deploy", "train", "train", "train"]);
    await network.switchToDeploy();
    expect(network.form).toBe("deploy");
    expect(await network.exportState()).toEqual(fuseState(spec, state));
    // Float32, in two forms.
    expect(relativeError((await network.predict(images)).data, logits.data)).toBeLessThan(2e-5);
    expect(() => network.forward(images)).toThrow(
      expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining("switchToDeploy") }),
    );
    await expect(network.exportOptimizerState()).rejects.toMatchObject({ code: "E_USAGE" });
    network.dispose();
    await expect(network.predict(images)).rejects.toMatchObject({ code: "E_DISPOSED" });
  });

  it("says what would fit before it takes more memory than there are addresses", async () => {
    const large = { ...options(), imageSize: [512, 512] as const, batchSize: 4096 };
    await expect(create(large)).rejects.toThrow(/with a batch of 4096 needs \d+\.\d GiB.*A batch of \d+ would fit/);
  });

  it("refuses a batch that leaves one value a channel", async () => {
    const one = { ...options(), batchSize: 1, imageSize: [8, 8] as const };
    await expect(create(one)).rejects.toThrow(expect.objectContaining({ code: "E_SHAPE" }));
  });
});
