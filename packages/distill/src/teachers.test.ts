import "@tensorflow/tfjs-backend-cpu";
import { type Logits, ndArray, RepvggError } from "@repvgg/core";
import { setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Batch } from "./batch-source.ts";
import { distillationObjective } from "./distillation-objective.ts";
import { ensembleTeacher } from "./ensemble-teacher.ts";
import { linearly } from "./scheduled.ts";
import type { Teacher } from "./teacher.ts";
import { averageTeacher } from "./teachers.ts";
import { tinyNetwork, trainingLoader } from "./test-training.ts";
import { Trainer } from "./trainer.ts";

beforeAll(async () => {
  await setBackend("cpu");
});

const position = { epoch: 0, step: 0, totalSteps: 5, stepsPerEpoch: 5 };
const batch = {
  images: ndArray([2, 1, 1, 1], new Float32Array(2)),
  labels: Int32Array.of(0, 1),
  indices: Int32Array.of(0, 1),
};
const fixed =
  (...z: number[]): Teacher =>
  () =>
    ndArray([2, 3], Float32Array.from(z)) as Logits;
const softmax = (z: number[], T: number) => {
  const e = z.map((x) => Math.exp((x - Math.max(...z)) / T));
  return e.map((x) => x / e.reduce((a, b) => a + b));
};
const rows = ({ data }: Logits) => [[...data.slice(0, 3)], [...data.slice(3)]];

describe("ensembleTeacher", () => {
  const [a, b] = [
    [1, 2, 4, -3, 0, 2],
    [5, -1, 0, 800, -800, 0],
  ];

  it.each([1, 4, 20])("answers at T = %d with the mean of the softened probabilities", async (temperature) => {
    const answer = await ensembleTeacher([fixed(...a!), fixed(...b!)], { temperature })(batch, position);
    for (const [n, row] of rows(answer).entries()) {
      const parts = [a!, b!].map((z) => softmax(z.slice(3 * n, 3 * n + 3), temperature));
      const mean = parts[0]!.map((p, c) => (p + parts[1]![c]!) / 2);
      expect(softmax(row, temperature)).toEqual(mean.map((p) => expect.closeTo(p, 6)));
    }
  });

  it("of one teacher, and of twins, says what the teacher says", async () => {
    const [own] = rows(await fixed(...a!)(batch, position));
    for (const teachers of [[fixed(...a!)], [fixed(...a!), fixed(...a!)]]) {
      const [row] = rows(await ensembleTeacher(teachers)(batch, position));
      expect(softmax(row!, 2)).toEqual(softmax(own!, 2).map((p) => expect.closeTo(p, 6)));
    }
  });

  it("follows a schedule of the temperature", async () => {
    const both = [fixed(...a!), fixed(...b!)];
    const answer = await ensembleTeacher(both, { temperature: linearly(8, 2) })(batch, { ...position, step: 2 });
    expect(answer).toEqual(await ensembleTeacher(both, { temperature: 5 })(batch, position));
  });

  it("refuses no teachers, no temperature, and answers of different shapes", async () => {
    expect(() => ensembleTeacher([])).toThrow(RepvggError);
    expect(() => ensembleTeacher([fixed()], { temperature: 0 })).toThrow(/positive number, got 0/);
    const narrow: Teacher = () => ndArray([2, 2], new Float32Array(4)) as Logits;
    await expect(ensembleTeacher([fixed(...a!), narrow])(batch, position)).rejects.toMatchObject({ code: "E_SHAPE" });
  });
});

describe("averageTeacher", () => {
  it("teaches by the moving average of the weights, by the weights themselves before the first step", async () => {
    const network = tinyNetwork();
    const teacher = averageTeacher(network);
    const data = trainingLoader(16);
    const first = (await data.batches(0)[Symbol.asyncIterator]().next()).value as Batch;
    expect(await teacher(first, position)).toEqual(await network.predict(first.images));

    const objective = distillationObjective({ teacher, terms: [{ loss: "labels" }, { loss: "kd", weight: 0.5 }] });
    await new Trainer({ network, data, objective, epochs: 1, ema: { decay: 0.5 } }).run();
    const answer = await teacher(first, position);
    expect(answer).toEqual(await network.predictAverage(first.images));
    expect(answer).not.toEqual(await network.predict(first.images));
  });
});
