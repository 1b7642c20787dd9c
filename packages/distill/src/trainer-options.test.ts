import "@tensorflow/tfjs-backend-cpu";
import { mul, type Scalar, setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { evaluate } from "./evaluate.ts";
import type { Objective } from "./objective.ts";
import { crossEntropyObjective } from "./objectives.ts";
import { constantSchedule } from "./schedules.ts";
import { orderedLoader, tinyNetwork, trainingLoader } from "./test-training.ts";
import { Trainer } from "./trainer.ts";
import type { EpochReport, StepReport, TrainerOptions, TrainerState } from "./trainer-types.ts";

const BATCHES = 6;

beforeAll(async () => {
  await setBackend("cpu");
});

const options = (more: Partial<TrainerOptions> = {}): TrainerOptions => ({
  network: tinyNetwork(),
  data: trainingLoader(),
  validation: orderedLoader(),
  epochs: 3,
  optimizer: { learningRate: 0.05 },
  ...more,
});

/** The labels' loss, times what `factor` says at each batch, counted from 0. */
function scaledObjective(factor: (batch: number) => number): Objective {
  let count = 0;
  const labels = crossEntropyObjective();
  return (batch) => {
    const scale = factor(count++);
    const loss = labels(batch);
    return (outputs) => mul(loss(outputs), scale) as Scalar;
  };
}

const nanAt = (...batches: number[]) => scaledObjective((batch) => (batches.includes(batch) ? Number.NaN : 1));
const withoutTimes = (history: readonly object[]) =>
  history.map((record) => ({ ...record, seconds: 0, dataSeconds: 0, imagesPerSecond: 0 }));

/** Runs until after step `stop`, and resumes from what was saved then. */
async function interruptedAt(stop: number, more: Partial<TrainerOptions>) {
  const controller = new AbortController();
  const saved: TrainerState[] = [];
  const stopped = new Trainer(
    options({
      ...more,
      signal: controller.signal,
      callbacks: { onStep: ({ step }) => void (step === stop && controller.abort()) },
      save: (state) => void saved.push(state),
    }),
  );
  await expect(stopped.run()).rejects.toMatchObject({ code: "E_ABORTED" });
  const { network, ...resume } = saved.at(-1)!;
  const resumed = new Trainer(options({ ...more, network: tinyNetwork(network), resume }));
  return { progress: resume.progress, result: await resumed.run(), state: await resumed.state() };
}

describe("several batches a step", () => {
  it("report steps of the schedule, the last of an epoch with fewer batches", async () => {
    const steps: StepReport[] = [];
    const callbacks = { onStep: (report: StepReport) => void steps.push(report) };
    await new Trainer(options({ accumulate: 4, epochs: 2, callbacks })).run();
    expect(steps.map(({ step, totalSteps, batch }) => [step, totalSteps, batch])).toEqual([
      [1, 4, 4],
      [2, 4, 6],
      [3, 4, 4],
      [4, 4, 6],
    ]);
    expect(steps[2]!.learningRate).toBeCloseTo(0.025, 10); // half of the cosine
  });

  it("finish the step before they stop, and continue bit for bit", async () => {
    const more = { accumulate: 4, ema: { decay: 0.9 } };
    const straight = new Trainer(options(more));
    const { history } = await straight.run();
    const { progress, result, state } = await interruptedAt(3, more);
    expect(progress).toMatchObject({ epoch: 1, batch: 4 });
    expect(state.network).toEqual((await straight.state()).network);
    expect(state.optimizer).toEqual((await straight.state()).optimizer);
    expect(state.average).toEqual((await straight.state()).average);
    expect(withoutTimes(result.history)).toEqual(withoutTimes(history));
  });
});

describe("an average of the weights", () => {
  it("is validated beside them, and the better of both is told", async () => {
    const epochs: EpochReport[] = [];
    const trainer = new Trainer(
      options({ ema: { decay: 0.5 }, callbacks: { onEpoch: (report) => void epochs.push(report) } }),
    );
    const { history, best } = await trainer.run();
    expect(history.map(({ split }) => split)).toEqual(Array(3).fill(["train", "val", "ema"]).flat());
    for (const { validation, average, better } of epochs) {
      expect(better).toBe(average!.top1 > validation!.top1 ? "ema" : "network");
    }
    expect(best.top1).toBe(Math.max(...history.filter(({ split }) => split !== "train").map(({ top1 }) => top1)));
    const { average } = await trainer.state();
    const { loss } = await evaluate(tinyNetwork(average), orderedLoader());
    expect(loss).toBe(history.at(-1)!.loss);
  });
});

describe("patience", () => {
  it("stops after so many epochs without a better one, also when it is asked again", async () => {
    const more = { patience: 2, epochs: 50, optimizer: { learningRate: 1e-30, momentum: 0 } };
    const saved: TrainerState[] = [];
    const { history, best, stoppedEarly } = await new Trainer(
      options({ ...more, save: (state) => void saved.push(state) }),
    ).run();
    // Nothing is learnt; the running statistics alone change what is answered, for a while.
    expect(stoppedEarly).toBe(true);
    expect(history.at(-1)!.epoch).toBe(best.epoch + 2);
    const { network, ...resume } = saved.at(-1)!;
    const again = await new Trainer(options({ ...more, network: tinyNetwork(network), resume })).run();
    expect(again.history).toEqual(history);
    expect(again.stoppedEarly).toBe(true);
  });
});

describe("a loss that is not finite", () => {
  it("is skipped where it may be, and counted", async () => {
    const steps: StepReport[] = [];
    const callbacks = { onStep: (report: StepReport) => void steps.push(report) };
    const objective = nanAt(2, 3);
    const { history } = await new Trainer(options({ onNonFinite: "skip", objective, epochs: 1, callbacks })).run();
    expect(steps).toHaveLength(BATCHES);
    expect(steps[2]!.loss).toBeNaN();
    expect(steps.map(({ skipped }) => skipped)).toEqual([0, 0, 1, 2, 2, 2]);
    expect(history[0]).toMatchObject({ skipped: 2, loss: expect.any(Number) });
    expect(history[0]!.loss).not.toBeNaN();
  });

  it("stops the training after ten in a row", async () => {
    const objective = scaledObjective((batch) => (batch >= 3 ? Number.NaN : 1));
    const trainer = new Trainer(options({ onNonFinite: "skip", objective }));
    await expect(trainer.run()).rejects.toMatchObject({
      code: "E_DIVERGED",
      message: expect.stringContaining("became NaN at step 13 of 18"),
    });
  });

  it("stops the training where the weights themselves are lost, and says at which", async () => {
    const saves: TrainerState[] = [];
    const trainer = new Trainer(
      options({
        onNonFinite: "skip",
        optimizer: { learningRate: 3e38, momentum: 0 },
        schedule: constantSchedule(),
        saveEverySteps: 2,
        save: (state) => void saves.push(state),
      }),
    );
    await expect(trainer.run()).rejects.toMatchObject({
      code: "E_DIVERGED",
      message: expect.stringMatching(/at step \d+ of 18 .* It began (at|in the output of) \w+/),
    });
    const saved = saves.flatMap(({ network }) => [...network.values()]);
    expect(saved.every(({ data }) => data.every(Number.isFinite))).toBe(true);
  });

  it("is not saved, should a step have spoilt the weights unseen", async () => {
    const network = tinyNetwork();
    const state = await network.exportState();
    state.set("stage1.0.rbr_dense.bn.running_mean", { shape: [4], data: new Float32Array(4).fill(Number.NaN) });
    network.exportState = async () => state;
    const saves: TrainerState[] = [];
    const trainer = new Trainer(options({ network, save: (state) => void saves.push(state) }));
    await expect(trainer.run()).rejects.toThrow(
      /stage1\.0\.rbr_dense\.bn\.running_mean holds NaN or infinity after step 6 of 18 .* this state is not saved/,
    );
    expect(saves).toEqual([]);
  });
});

describe("epochs of other sizes", () => {
  it("go on with another network, and with what the optimiser and the average hold", async () => {
    const straight = new Trainer(options({ ema: { decay: 0.9 }, optimizer: { kind: "adamw" } }));
    await straight.run();
    const asked: number[] = [];
    const moved = new Trainer(
      options({
        ema: { decay: 0.9 },
        optimizer: { kind: "adamw" },
        async prepareEpoch(epoch, network) {
          asked.push(epoch);
          if (epoch === 0) return undefined;
          const next = tinyNetwork(await network.exportState());
          return { network: next, data: trainingLoader() };
        },
        evaluationNetwork: async (state) => tinyNetwork(state),
      }),
    );
    await moved.run();
    expect(asked).toEqual([0, 1, 2]);
    expect((await moved.state()).network).toEqual((await straight.state()).network);
    expect((await moved.state()).optimizer).toEqual((await straight.state()).optimizer);
    expect((await moved.state()).average).toEqual((await straight.state()).average);
  });

  it("must have as many batches", async () => {
    const prepareEpoch = async () => ({ network: tinyNetwork(), data: trainingLoader(24) });
    await expect(new Trainer(options({ prepareEpoch })).run()).rejects.toThrow(
      "Epoch 1 has 3 batches, those before it 6. Give all epochs as many.",
    );
  });
});

describe("options out of range", () => {
  it.each([
    [{ accumulate: 0 }, "accumulate must be a whole number, 1 or more, got 0."],
    [{ patience: 1.5 }, "patience must be a whole number, 1 or more, got 1.5."],
    [{ ema: { decay: 1 } }, "ema.decay must be in [0, 1), got 1."],
    [{ optimizer: { kind: "adamw", beta1: 1 } }, "beta1 must be in [0, 1), got 1."],
  ] as const)("%o", (more, message) => {
    expect(() => new Trainer(options(more))).toThrow(expect.objectContaining({ code: "E_USAGE", message }));
  });
});
