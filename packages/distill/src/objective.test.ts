import "@tensorflow/tfjs-backend-cpu";
import { type NdArray, ndArray } from "@repvgg/core";
import { mul, setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Objective, ObjectiveBatch, TrainingPosition } from "./objective.ts";
import { crossEntropyObjective } from "./objectives.ts";
import { tinyNetwork, trainingLoader } from "./test-training.ts";
import { Trainer } from "./trainer.ts";
import type { TrainerState } from "./trainer-types.ts";

beforeAll(async () => {
  await setBackend("cpu");
});

/** Scales the loss by a factor of its own, which it halves at each step. */
function learningObjective() {
  const log: { positions: TrainingPosition[]; steps: ObjectiveBatch[] } = { positions: [], steps: [] };
  let factor = 1;
  const labels = crossEntropyObjective();
  const objective: Objective = Object.assign(
    (...[batch, position]: Parameters<Objective>) => {
      log.positions.push(position);
      const loss = labels(batch);
      const scale = factor;
      return (outputs: Parameters<typeof loss>[0]) => mul(loss(outputs), scale) as ReturnType<typeof loss>;
    },
    {
      afterBatch(step: ObjectiveBatch) {
        log.steps.push(step);
        factor /= 2;
        return { factor };
      },
      exportState: async () => new Map([["factor", ndArray([1], Float32Array.of(factor))]]),
      importState: async (state: ReadonlyMap<string, NdArray>) => {
        factor = state.get("factor")!.data[0]!;
      },
    },
  );
  return { objective, log };
}

const options = (objective: Objective, network = tinyNetwork()) => ({
  network,
  data: trainingLoader(),
  objective,
  epochs: 2,
});

describe("an objective that learns", () => {
  it("is told where the training stands, and after each step its learning rate", async () => {
    const { objective, log } = learningObjective();
    await new Trainer(options(objective)).run();
    expect(log.positions[7]).toEqual({ epoch: 1, step: 7, stepsPerEpoch: 6, totalSteps: 12 });
    expect(log.positions.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(log.steps.every(({ applied }) => applied)).toBe(true);
    expect(log.steps[6]!.learningRate).toBeCloseTo(0.05, 10); // half of the cosine
  });

  it("is told of every batch what part of a step it is", async () => {
    const { objective, log } = learningObjective();
    await new Trainer({ ...options(objective), epochs: 1, accumulate: 4 }).run();
    const [fourth, half] = [0.25, 0.5]; // six batches: a step of four, and one of two
    expect(log.steps.map(({ accumulation }) => accumulation)).toEqual([
      ...[false, false, false, true].map((last) => ({ weight: fourth, last })),
      ...[false, true].map((last) => ({ weight: half, last })),
    ]);
  });

  it("has the means of its figures in each epoch's record", async () => {
    const { history } = await new Trainer(options(learningObjective().objective)).run();
    const mean = (first: number) => [1, 2, 3, 4, 5, 6].reduce((sum, k) => sum + 0.5 ** (first + k), 0) / 6;
    expect(history.map(({ figures }) => figures)).toEqual([{ factor: mean(0) }, { factor: mean(6) }]);
  });

  it("continues bit for bit with the training", async () => {
    const straight = new Trainer(options(learningObjective().objective));
    const { history } = await straight.run();

    const controller = new AbortController();
    const saved: TrainerState[] = [];
    const stopped = new Trainer({
      ...options(learningObjective().objective),
      signal: controller.signal,
      callbacks: { onStep: ({ step }) => void (step === 8 && controller.abort()) },
      save: (state) => void saved.push(state),
    });
    await expect(stopped.run()).rejects.toMatchObject({ code: "E_ABORTED" });
    const { progress, network, optimizer, objective } = saved.at(-1)!;
    const resume = { progress: JSON.parse(JSON.stringify(progress)), optimizer, ...(objective && { objective }) };
    const resumed = new Trainer({ ...options(learningObjective().objective, tinyNetwork(network)), resume });
    const result = await resumed.run();
    expect((await resumed.state()).network).toEqual((await straight.state()).network);
    expect((await resumed.state()).objective).toEqual((await straight.state()).objective);
    expect(result.history.map(({ figures }) => figures)).toEqual(history.map(({ figures }) => figures));
  });
});
