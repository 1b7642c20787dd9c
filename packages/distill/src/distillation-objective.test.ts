import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-layers"; // the gradients
import { type Images, initialState, type Logits, type NdArray, ndArray, seededRandom, sizeOf } from "@repvgg/core";
import { lossGradient } from "@repvgg/core/nn";
import { memory, mul, type Scalar, setBackend, sum, tidy } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { distillationObjective } from "./distillation-objective.ts";
import type { LossTerm, TermInputs } from "./loss-terms.ts";
import type { Objective } from "./objective.ts";
import { kdObjective } from "./objectives.ts";
import { linearly } from "./scheduled.ts";
import type { Teacher } from "./teacher.ts";
import { networkTeacher } from "./teachers.ts";
import { TINY, tinyNetwork, trainingLoader } from "./test-training.ts";
import { Trainer } from "./trainer.ts";
import type { TrainerState } from "./trainer-types.ts";

const [N, C] = [4, 3];
const position = { epoch: 0, step: 0, totalSteps: 5, stepsPerEpoch: 5 };

beforeAll(async () => {
  await setBackend("cpu");
});

function random<const S extends readonly number[]>(shape: S, seed: number): NdArray<S> {
  const next = seededRandom(seed);
  return ndArray(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => 4 * next() - 2),
  );
}

const batch = {
  images: random([N, 2, 2, 1], 1),
  labels: Int32Array.of(0, 2, 1, 1),
  indices: Int32Array.of(0, 1, 2, 3),
};
/** Stages of the student with 2, 3, 4 and 5 channels, of the teacher with two more. */
const features = (more: number, seed: number): Images[] =>
  [2, 3, 4, 5].map((channels, i) => random([N, 4 - i, 4 - i, channels + more], seed + i));
const outputs = { logits: random([N, C], 7) as Logits, auxiliary: [], features: features(0, 20) };
const teacher: Teacher = Object.assign(() => random([N, C], 8) as Logits, { features: async () => features(2, 30) });

/** The loss and its gradients where the student answers `outputs`, and the figures. */
async function evaluate(terms: readonly LossTerm[], at = position) {
  const objective = distillationObjective({ teacher, terms });
  const result = lossGradient(await objective(batch, at), outputs);
  return { ...result, figures: await objective.afterBatch!({ learningRate: 0.1, applied: true }) };
}

const combine = (a: NdArray | undefined, b: NdArray | undefined, [u, v]: readonly [number, number]) =>
  Array.from({ length: (a ?? b)!.data.length }, (_, i) => u * (a?.data[i] ?? 0) + v * (b?.data[i] ?? 0));
const norm = (array: NdArray) => Math.hypot(...array.data);

describe("distillationObjective", () => {
  it("is the weighted sum of its terms, gradients too", async () => {
    const terms: LossTerm[] = [{ loss: "dkd" }, { loss: "features", stages: [2, 3] }];
    const [dkd, hints] = [await evaluate([terms[0]!]), await evaluate([terms[1]!])];
    const both = await evaluate(terms.map((term, i) => ({ ...term, weight: [0.5, 20][i]! })));
    expect(both.loss).toBeCloseTo(0.5 * dkd.loss + 20 * hints.loss, 3);
    const expected = combine(dkd.gradients.logits, hints.gradients.logits, [0.5, 20]);
    expect([...both.gradients.logits!.data]).toEqual(expected.map((x) => expect.closeTo(x, 5)));
    for (const stage of [1, 2]) {
      const wanted = combine(dkd.gradients.features[stage], hints.gradients.features[stage], [0.5, 20]);
      expect([...both.gradients.features[stage]!.data]).toEqual(wanted.map((x) => expect.closeTo(x, 5)));
    }
    expect(both.gradients.features[0]).toBeUndefined(); // not asked for, so the network need not show it
    expect(both.gradients.features[3]).toBeUndefined();
  });

  it("with labels and kd is Hinton's loss", async () => {
    const { loss, gradients } = await evaluate([
      { loss: "labels", weight: 0.3 },
      { loss: "kd", weight: 0.7, temperature: 3 },
    ]);
    const hinton = await kdObjective({ teacher, alpha: 0.7, temperature: 3 })(batch, position);
    const expected = lossGradient(hinton, outputs);
    expect(loss).toBeCloseTo(expected.loss, 5);
    expect([...gradients.logits!.data]).toEqual([...expected.gradients.logits!.data].map((x) => expect.closeTo(x, 6)));
  });

  it.each(["labels", "kd", "hard", "dkd", "dist", "features", "attention"] as const)("knows %s", async (loss) => {
    const result = await evaluate([{ loss }]);
    expect(result.loss).toBeGreaterThan(0);
    expect(result.figures[`loss/${loss}`]).toBeCloseTo(result.loss, 5);
  });

  it("takes a loss of one's own", async () => {
    const squares = { name: "squares", loss: ({ logits }: TermInputs) => sum(mul(logits, logits)) as Scalar };
    const { loss, figures } = await evaluate([{ ...squares, weight: 2 }]);
    expect(loss).toBeCloseTo(2 * norm(outputs.logits) ** 2, 3);
    expect(figures["gradientNorm/squares"]).toBeCloseTo(4 * norm(outputs.logits), 4);
  });

  it("tells each term's value, gradient norm, and share of the gradient at the logits", async () => {
    const [labels, kd] = [
      await evaluate([{ loss: "labels", weight: 0.1 }]),
      await evaluate([{ loss: "kd", weight: 0.9 }]),
    ];
    const { figures } = await evaluate([
      { loss: "labels", weight: 0.1 },
      { loss: "kd", weight: 0.9 },
      { loss: "attention" },
    ]);
    const norms = [norm(labels.gradients.logits!), norm(kd.gradients.logits!)] as const;
    expect(figures).toMatchObject({
      "loss/labels": expect.closeTo(labels.loss / 0.1, 4),
      "gradientNorm/labels": expect.closeTo(norms[0], 5),
      "gradientNorm/kd": expect.closeTo(norms[1], 5),
      "gradientShare/kd": expect.closeTo(norms[1] / (norms[0] + norms[1]), 5),
      "gradientNorm/attention": expect.any(Number),
    });
    expect(figures).not.toHaveProperty("gradientShare/attention");
    expect(figures["gradientNorm/attention"]).toBeGreaterThan(0);
  });

  it("follows schedules of weights and temperatures", async () => {
    const terms: LossTerm[] = [{ loss: "kd", weight: linearly(1, 0), temperature: linearly(8, 2) }];
    const fixed = (weight: number, temperature: number) => evaluate([{ loss: "kd", weight, temperature }]);
    for (const [step, weight, temperature] of [
      [0, 1, 8],
      [2, 0.5, 5],
      [4, 0, 2],
    ] as const) {
      const { loss } = await evaluate(terms, { ...position, step });
      expect(loss).toBeCloseTo((await fixed(weight, temperature)).loss, 5);
    }
  });

  it("leaves no tensor behind, whether a step is applied or not", async () => {
    const objective = distillationObjective({ teacher, terms: [{ loss: "kd" }, { loss: "features" }] });
    const before = memory().numTensors;
    for (const applied of [true, false]) {
      const loss = await objective(batch, position);
      tidy(() => void lossGradient(loss, outputs));
      await objective.afterBatch!({ learningRate: 0.1, applied });
    }
    expect(memory().numTensors).toBe(before);
  });

  it("learns the projections of hints, and only from steps that are applied", async () => {
    const objective = distillationObjective({ teacher, terms: [{ loss: "features", stages: [3] }] });
    const step = async (applied: boolean) => {
      const { loss } = lossGradient(await objective(batch, position), outputs);
      await objective.afterBatch!({ learningRate: 0.05, applied });
      return loss;
    };
    const first = await step(false);
    expect(await step(true)).toBe(first);
    const losses = [first];
    for (let i = 0; i < 30; i++) losses.push(await step(true));
    expect(losses.at(-1)!).toBeLessThan(0.9 * first);
  });
});

describe("hints under gradient accumulation", () => {
  type Given = { applied?: boolean; accumulation?: { weight: number; last: boolean } };
  /** The state of the projection after batches of the same images. */
  async function learnt(...batches: readonly Given[]): Promise<ReadonlyMap<string, NdArray>> {
    const objective = distillationObjective({ teacher, terms: [{ loss: "features", stages: [3] }] });
    for (const given of batches) {
      lossGradient(await objective(batch, position), outputs);
      await objective.afterBatch!({ learningRate: 0.05, applied: true, ...given });
    }
    return (await objective.exportState!())!;
  }
  const half = (last: boolean, applied = true): Given => ({ applied, accumulation: { weight: 0.5, last } });

  it("learn once an update, from the mean gradient of its batches", async () => {
    const initial = await learnt({ applied: false });
    expect(await learnt(half(false))).toEqual(initial);
    expect(await learnt(half(false), half(true))).toEqual(await learnt({})); // twice the half is exact
    expect(await learnt(half(false), half(true), half(false), half(true))).toEqual(await learnt({}, {}));
  });

  it("leave out a batch that is dropped, as the network does", async () => {
    const only = await learnt({ accumulation: { weight: 0.5, last: true } });
    expect(await learnt(half(false, false), half(true))).toEqual(only);
    expect(await learnt(half(false), half(true, false))).toEqual(only);
  });
});

describe("a training with hints", () => {
  const options = (objective: Objective, state = initialState(TINY, 3)) => ({
    network: tinyNetwork(state),
    data: trainingLoader(),
    objective,
    epochs: 2,
    sgd: { learningRate: 0.05 },
  });
  const hints = () =>
    distillationObjective({
      teacher: networkTeacher(tinyNetwork(initialState(TINY, 8))),
      terms: [{ loss: "labels" }, { loss: "features", weight: 10, stages: [1, 4] }],
    });

  it("resumes bit for bit, the projections too", async () => {
    const straight = new Trainer(options(hints()));
    await straight.run();

    const controller = new AbortController();
    const saved: TrainerState[] = [];
    const stopped = new Trainer({
      ...options(hints()),
      signal: controller.signal,
      callbacks: { onStep: ({ step }) => void (step === 7 && controller.abort()) },
      save: (state) => void saved.push(state),
    });
    await expect(stopped.run()).rejects.toMatchObject({ code: "E_ABORTED" });
    const { network, ...resume } = saved.at(-1)!;
    const resumed = new Trainer({ ...options(hints(), network), resume });
    await resumed.run();
    const [actual, expected] = [await resumed.state(), await straight.state()];
    expect(actual.network).toEqual(expected.network);
    expect(actual.objective).toEqual(expected.objective);
    expect([...expected.objective!.keys()]).toContain("hint.stage4.weight.velocity");
  });
});

describe("bad input", () => {
  const objective = (terms: LossTerm[], by: Teacher = teacher) => distillationObjective({ teacher: by, terms });
  const usage = (message: string | RegExp) =>
    expect.objectContaining({ code: "E_USAGE", message: expect.stringMatching(message) });

  it.each<[string, LossTerm[], RegExp]>([
    ["no term", [], /at least one term/],
    ["a term twice", [{ loss: "kd" }, { loss: "kd" }], /"kd" twice/],
    ["a negative weight", [{ loss: "kd", weight: -1 }], /weight of "kd" must be 0 or a positive number, got -1/],
    ["a temperature of 0", [{ loss: "kd", temperature: 0 }], /temperature must be a positive number, got 0/],
    ["a part of DKD below 0", [{ loss: "dkd", dkdBeta: -1 }], /dkdBeta/],
    ["a stage 5", [{ loss: "features", stages: [5] }], /must be some of 1, 2, 3, 4, got \[5\]/],
    ["no stage", [{ loss: "attention", stages: [] }], /got \[\]/],
  ])("refuses %s before it sees a batch", (_, terms, message) => {
    expect(() => objective(terms)).toThrow(usage(message));
  });

  it("refuses features of a teacher that shows none", () => {
    const blind: Teacher = () => random([N, C], 8) as Logits;
    expect(() => objective([{ loss: "features" }], blind)).toThrow(
      usage(/compares features, which this teacher does not/),
    );
  });

  it("refuses features of another size, and says where", async () => {
    const wide = Object.assign(() => random([N, C], 8) as Logits, { features: async () => features(2, 30).reverse() });
    const loss = await objective([{ loss: "attention" }], wide)(batch, position);
    expect(() => lossGradient(loss, outputs)).toThrow(
      usage(/Stage 1 gives 4×4 pixels in the student and 1×1 in the teacher/),
    );
  });

  it("refuses DKD where images are blended: it needs one label", async () => {
    const mixture = { partners: Int32Array.of(1, 2, 3, 0), lambda: 0.5 };
    await expect(objective([{ loss: "dkd" }])({ ...batch, mixture }, position)).rejects.toThrow(
      usage(/one label an image/),
    );
  });

  it("refuses a schedule that leaves the range, at the step where it does", async () => {
    const loss = await objective([{ loss: "kd", temperature: linearly(4, -4) }])(batch, { ...position, step: 4 });
    expect(() => lossGradient(loss, outputs)).toThrow(usage(/temperature must be a positive number, got -4/));
  });
});
