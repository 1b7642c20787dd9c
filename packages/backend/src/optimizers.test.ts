import type { NdArray, OptimizerStep, StateDict, TrainableNetwork } from "@repvgg/core";
import { relativeError } from "@repvgg/tooling";
import { customGrad, fill, memory, type Scalar, scalar, type Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { Device, DeviceName } from "./device.ts";
import { openDevice } from "./open-device.ts";
import { checkTensorflow } from "./tensorflow/check-tensorflow.ts";
import { crossEntropy, freshState, IMAGE_SIZE, images, SPEC, slice } from "./test-networks.ts";
import { withTfjsBackend } from "./tfjs-backend.ts";

const BATCH = 8;
const all = images(6 * BATCH);
const BATCHES = [0, 1, 2, 3, 4, 5].map((k) => slice(all, k * BATCH, (k + 1) * BATCH));
const LABELS = [0, 1, 2, 3, 4, 0, 1, 2];
const LOSS = crossEntropy(LABELS);

type Learner = TrainableNetwork<Tensor, Scalar>;

/** TensorFlow's own updates, where there is a TensorFlow; `conformance.test.ts` fails where there must be one. */
const NATIVE: readonly "native"[] = await checkTensorflow("native").then(
  () => ["native"],
  () => [],
);

const SGD = { learningRate: 0.05, weightDecay: 1e-2, momentum: 0.9, nesterov: false } as const;
/** With an ε above the rounding of gradients near zero, whose sign AdamW would make whole steps of. */
const ADAMW = { kind: "adamw", learningRate: 3e-3, weightDecay: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-4 } as const;
/** Three batches make an update. */
const inThirds = (i: number) => ({ accumulation: { weight: 1 / 3, last: i % 3 === 2 } });

const CASES: Record<string, { step: (i: number) => OptimizerStep; freeze?: string[] }> = {
  SGD: { step: () => SGD },
  "SGD with Nesterov's momentum": { step: () => ({ ...SGD, nesterov: true }) },
  "SGD without momentum": { step: () => ({ ...SGD, momentum: 0 }) },
  AdamW: { step: () => ADAMW },
  "clipped gradients": { step: () => ({ ...SGD, maxGradientNorm: 0.5 }) },
  "gathered gradients": { step: (i) => ({ ...SGD, ...inThirds(i) }) },
  "AdamW with gathered, clipped gradients": { step: (i) => ({ ...ADAMW, ...inThirds(i), maxGradientNorm: 0.5 }) },
  "frozen stages": { step: () => SGD, freeze: ["stage1", "stem"] },
  "an average": { step: () => ({ ...SGD, averageDecay: 0.75 }) },
};

async function withDevice<T>(name: DeviceName, threads: number, use: (device: Device) => Promise<T>): Promise<T> {
  const device = await openDevice(name, { threads });
  try {
    return await use(device);
  } finally {
    device.dispose();
  }
}

interface Outcome {
  readonly losses: number[];
  readonly norms: (number | undefined)[];
  readonly state: StateDict;
  readonly optimizer: Map<string, NdArray>;
  readonly average: StateDict | undefined;
}

const network = (device: Device, freeze: readonly string[] = [], state = freshState()): Promise<Learner> =>
  device.createTrainableNetwork({ spec: SPEC, state, imageSize: IMAGE_SIZE, batchSize: BATCH, freeze });

/** Trains on all batches; where asked to, in two halves, the second one by a new network with the exported state of the first. */
function train(name: DeviceName, threads: number, { step, freeze }: (typeof CASES)[string], halves?: DeviceName) {
  return withDevice(name, threads, (first) =>
    withDevice(halves ?? name, threads, async (second): Promise<Outcome> => {
      let trained = await network(first, freeze);
      const results = [];
      for (const [i, images] of BATCHES.entries()) {
        if (halves && i === 3) {
          const [state, optimizer] = [await trained.exportState(), await trained.exportOptimizerState()];
          const average = await trained.exportAverage();
          trained.dispose();
          trained = await network(second, freeze, state);
          await trained.importOptimizerState(optimizer);
          if (average) await trained.importAverage(average);
        }
        results.push(await trained.trainStep(images, LOSS, step(i)));
      }
      const state = await trained.exportState();
      const optimizer = await trained.exportOptimizerState();
      const average = await trained.exportAverage();
      trained.dispose();
      return {
        losses: results.map(({ loss }) => loss),
        norms: results.map((r) => r.gradientNorm),
        state,
        optimizer,
        average,
      };
    }),
  );
}

/** Float32 through six steps, in another order of summation. */
const TOLERANCE = 1e-4;

function expectClose(actual: ReadonlyMap<string, NdArray>, expected: ReadonlyMap<string, NdArray>): void {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, { data }] of expected) {
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (largest > 0) expect(relativeError(actual.get(name)!.data, data), name).toBeLessThan(TOLERANCE);
    else expect(actual.get(name)!.data, name).toEqual(data);
  }
}

describe.each(Object.entries(CASES))("%s", (name, testCase) => {
  it("trains the engine as it trains tfjs, with the same bits on any number of threads", async () => {
    const engine = await train("wasm", 1, testCase);
    expect(await train("wasm", 3, testCase)).toEqual(engine);
    const tfjs = await train("cpu", 1, testCase);
    engine.losses.forEach((loss, i) => {
      expect(Math.abs(loss - tfjs.losses[i]!)).toBeLessThan(TOLERANCE);
    });
    engine.norms.forEach((norm, i) => {
      expect(norm === undefined ? 0 : norm / tfjs.norms[i]!).toBeCloseTo(norm === undefined ? 0 : 1, 4);
    });
    expectClose(engine.state, tfjs.state);
    expectClose(engine.average ?? new Map(), tfjs.average ?? new Map());
    if (name !== "SGD without momentum") expectClose(engine.optimizer, tfjs.optimizer);
  });

  it.each(["wasm", "cpu"] as const)("continues bit for bit on %s, and on the other device", async (device) => {
    const straight = await train(device, 1, testCase);
    expect(await train(device, 1, testCase, device)).toEqual(straight);
    const other = device === "wasm" ? "cpu" : "wasm";
    const moved = await train(device, 1, testCase, other);
    expectClose(moved.state, straight.state);
    expectClose(moved.average ?? new Map(), straight.average ?? new Map());
  });
});

describe.each(NATIVE)("on %s, whose updates are in place", (device) => {
  it.each(Object.entries(CASES))(
    "%s trains as on tfjs's own backend, continues bit for bit, and leaves nothing behind",
    async (_, testCase) => {
      const tensors = () => withTfjsBackend("tensorflow", () => memory().numTensors);
      await withDevice(device, 1, async () => {});
      const before = await tensors();
      const straight = await train(device, 1, testCase);
      expect(await train(device, 1, testCase, device)).toEqual(straight);
      expect(await tensors()).toBe(before);
      const tfjs = await train("cpu", 1, testCase);
      expectClose(straight.state, tfjs.state);
      expectClose(straight.average ?? new Map(), tfjs.average ?? new Map());
      expectClose(straight.optimizer, tfjs.optimizer);
    },
  );
});

describe.each([...(["wasm", "cpu"] as const), ...NATIVE])("a step on %s", (name) => {
  const run = <T>(use: (trained: Learner) => Promise<T>, freeze?: string[]) =>
    withDevice(name, 2, async (device) => {
      const trained = await network(device, freeze);
      return use(trained).finally(() => trained.dispose());
    });

  it("clips to the norm of the whole gradient", async () => {
    const moved = (step: OptimizerStep) =>
      run(async (trained) => {
        const before = await trained.exportState();
        const { gradientNorm } = await trained.trainStep(BATCHES[0]!, LOSS, step);
        const after = await trained.exportState();
        const learning = [...before].filter(([entry]) => !/running|tracked/.test(entry));
        const squares = learning.flatMap(([entry, { data }]) =>
          [...data].map((w, i) => (w - after.get(entry)!.data[i]!) ** 2),
        );
        return { gradientNorm, distance: Math.sqrt(squares.reduce((sum, square) => sum + square, 0)) };
      });
    // Without momentum and decay, a step of rate 1 is as long as the gradient.
    const plain = { learningRate: 1, momentum: 0, weightDecay: 0, nesterov: false };
    const whole = await moved(plain);
    expect(whole.gradientNorm).toBeUndefined();
    const clipped = await moved({ ...plain, maxGradientNorm: whole.distance / 2 });
    expect(clipped.gradientNorm! / whole.distance).toBeCloseTo(1, 4);
    expect(clipped.distance / (whole.distance / 2)).toBeCloseTo(1, 4);
    const within = await moved({ ...plain, maxGradientNorm: whole.distance * 2 });
    expect(within.distance).toBe(whole.distance);
  });

  it("leaves frozen stages and their statistics alone, and normalizes by these", async () => {
    await run(
      async (trained) => {
        const before = await trained.exportState();
        for (const images of BATCHES) await trained.trainStep(images, LOSS, SGD);
        const after = await trained.exportState();
        for (const [entry, { data }] of before) {
          const same = Buffer.compare(Buffer.from(data.buffer), Buffer.from(after.get(entry)!.data.buffer)) === 0;
          expect(same, entry).toBe(/^stage[0-4]/.test(entry));
        }
        const inTraining = await trained.trainStep(BATCHES[0]!, LOSS, { ...SGD, learningRate: 1e-30 });
        const inInference = await trained.predict(BATCHES[0]!);
        expect(relativeError(inTraining.logits.data, inInference.data)).toBeLessThan(1e-5);
      },
      ["stage4", "stage2", "stem", "stage1", "stage3"],
    );
    await expect(run(async () => {}, ["stage2"])).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining("stage2 cannot be frozen while stem learns. Add stem, stage1, or"),
    });
    await expect(run(async () => {}, ["stage7"])).rejects.toThrow('There is no stage "stage7" to freeze.');
  });

  it("predicts with the average, and keeps it apart from the parameters", async () => {
    await run(async (trained) => {
      await expect(trained.predictAverage(BATCHES[0]!)).rejects.toMatchObject({ code: "E_USAGE" });
      expect(await trained.exportAverage()).toBeUndefined();
      for (const images of BATCHES) await trained.trainStep(images, LOSS, { ...SGD, averageDecay: 0.75 });
      const [state, average] = [await trained.exportState(), (await trained.exportAverage())!];
      const averaged = await trained.predictAverage(BATCHES[0]!);
      expect(await trained.exportState()).toEqual(state);
      const expected = await withDevice(name, 1, async (device) => {
        const other = await network(device, [], average);
        return other.predict(BATCHES[0]!).finally(() => other.dispose());
      });
      expect(averaged).toEqual(expected);
    });
  });

  it("whose loss is not finite contributes nothing to an update", async () => {
    const gathered = (factors: readonly number[]) =>
      run(async (trained) => {
        const outcomes = [];
        for (const [i, factor] of factors.entries()) {
          outcomes.push(await trained.trainStep(BATCHES[i]!, crossEntropy(LABELS, factor), { ...SGD, ...inThirds(i) }));
        }
        const weights = [...(await trained.exportState())].filter(([entry]) => /conv.weight/.test(entry));
        return { weights, nonFinite: outcomes.map(({ nonFinite }) => nonFinite) };
      });
    const untouched = await gathered([]);
    const { weights, nonFinite } = await gathered([Number.NaN, Number.NaN, Number.NaN]);
    expect(weights).toEqual(untouched.weights);
    expect(nonFinite[2]).toEqual({ what: "loss", name: "" });
    const last = await gathered([1, 1, Number.NaN]);
    expect(last.weights).toEqual((await gathered([1, 1, 0])).weights);
    expect(last.weights).not.toEqual(untouched.weights);
  });

  it("says where the first number came from that is not finite", async () => {
    await run(async (trained) => {
      const broken = { ...BATCHES[0]!, data: BATCHES[0]!.data.map((x, i) => (i === 5 ? Number.NaN : x)) };
      expect((await trained.trainStep(broken, LOSS, SGD)).nonFinite).toEqual({ what: "images", name: "" });
      const huge = { ...SGD, momentum: 0, learningRate: 3e38 };
      await trained.trainStep(BATCHES[0]!, LOSS, huge);
      const { loss, nonFinite } = await trained.trainStep(BATCHES[0]!, LOSS, SGD);
      expect(loss).toBeNaN();
      expect(["parameter", "output"]).toContain(nonFinite!.what);
      expect(nonFinite!.name).toMatch(/^stage0/);
    });
    await run(async (trained) => {
      const before = await trained.exportState();
      const step = { ...SGD, maxGradientNorm: 1 };
      const { nonFinite, loss } = await trained.trainStep(BATCHES[0]!, infiniteGradient, step);
      expect(loss).toBe(0);
      expect(nonFinite).toMatchObject({ what: "gradient", name: expect.stringMatching(/^linear/) });
      expect(await trained.exportState()).toEqual(before);
    });
  });
});

/** Is 0, and its gradient infinite. */
const infiniteGradient = ({ logits }: { readonly logits: Tensor }) =>
  customGrad((z) => ({ value: scalar(0), gradFunc: () => fill((z as Tensor).shape, Number.POSITIVE_INFINITY) }))(
    logits,
  ) as Scalar;
