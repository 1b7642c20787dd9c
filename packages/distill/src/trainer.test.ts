import { setTimeout as wait } from "node:timers/promises";
import "@tensorflow/tfjs-backend-cpu";
import { initialState } from "@repvgg/core";
import { ConfusionMatrix } from "@repvgg/metrics";
import { memory, mul, setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { jsonlLogger } from "./jsonl-logger.ts";
import { crossEntropyObjective, kdObjective } from "./objectives.ts";
import { constantSchedule } from "./schedules.ts";
import { networkTeacher } from "./teachers.ts";
import { CLASSES, orderedLoader, TINY, tinyNetwork, trainingLoader } from "./test-training.ts";
import { Trainer } from "./trainer.ts";
import type { EpochReport, StepReport, TrainerOptions, TrainerState, ValidationBatch } from "./trainer-types.ts";

const EPOCHS = 3;
const BATCHES = 6;
/** How long a batch is waited for at least. */
const LATE_MS = 10;

beforeAll(async () => {
  await setBackend("cpu");
});

/** A training with everything that makes it hard to resume: momentum, a schedule, shuffling, validation. */
const options = ({ network = tinyNetwork(), ...more }: Partial<TrainerOptions> = {}): TrainerOptions => ({
  network,
  data: trainingLoader(),
  validation: orderedLoader(),
  epochs: EPOCHS,
  optimizer: { learningRate: 0.05, nesterov: true },
  ...more,
});

/** Runs until `stop` says so, and gives what was saved. */
async function interrupted(
  stop: (report: StepReport) => boolean,
  more: Partial<TrainerOptions> = {},
): Promise<{ state: TrainerState; reason: string; error: unknown }> {
  const controller = new AbortController();
  const saved: { state: TrainerState; reason: string }[] = [];
  const trainer = new Trainer(
    options({
      signal: controller.signal,
      callbacks: { onStep: (report) => void (stop(report) && controller.abort()) },
      save: (state, { reason }) => void saved.push({ state, reason }),
      ...more,
    }),
  );
  const error = await trainer.run().catch((error) => error);
  return { ...saved.at(-1)!, error };
}

/** Through JSON, as a file keeps it. */
const resumeFrom = ({ progress, network, optimizer }: TrainerState) => ({
  network: tinyNetwork(network),
  resume: { progress: JSON.parse(JSON.stringify(progress)), optimizer },
});

const withoutTimes = (history: readonly object[]) =>
  history.map((record) => ({ ...record, seconds: 0, dataSeconds: 0, imagesPerSecond: 0 }));

describe("Trainer", () => {
  it("tells how long an epoch waited for its batches", async () => {
    const loader = trainingLoader();
    const late: TrainerOptions["data"] = {
      dataset: loader.dataset,
      batchesPerEpoch: loader.batchesPerEpoch,
      async *batches(...place) {
        for await (const batch of loader.batches(...place)) {
          await wait(LATE_MS);
          yield batch;
        }
      },
    };
    const { history } = await new Trainer(options({ data: late, epochs: 1 })).run();
    const [train, validation] = history;
    expect(train!.dataSeconds).toBeGreaterThanOrEqual((BATCHES * (LATE_MS - 1)) / 1000); // timers may be a millisecond early
    expect(train!.dataSeconds).toBeLessThan(train!.seconds);
    expect(validation).not.toHaveProperty("dataSeconds");
  });

  it("learns, and reports every step and epoch", async () => {
    const network = tinyNetwork();
    const steps: StepReport[] = [];
    const epochs: EpochReport[] = [];
    const lines: string[] = [];
    const callbacks = [
      {
        onStep: (report: StepReport) => void steps.push(report),
        onEpoch: (report: EpochReport) => void epochs.push(report),
      },
      jsonlLogger((line) => void lines.push(line)),
    ];
    const trainer = new Trainer(options({ network, callbacks, epochs: 5 }));
    const { history, best } = await trainer.run();

    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 5 * BATCHES }, (_, i) => i + 1));
    expect(steps[7]).toMatchObject({
      epoch: 2,
      epochs: 5,
      batch: 2,
      batchesPerEpoch: BATCHES,
      totalSteps: 5 * BATCHES,
    });
    expect(steps[0]!.learningRate).toBe(0.05);
    expect(steps[15]!.learningRate).toBeCloseTo(0.025, 10); // half of the cosine
    expect(steps.at(-1)!.etaSeconds).toBeGreaterThan(0); // the last validation is still to come
    expect(steps.every(({ imagesPerSecond }) => imagesPerSecond > 0)).toBe(true);

    expect(history.map(({ epoch, split }) => `${epoch} ${split}`)).toEqual(
      [1, 2, 3, 4, 5].flatMap((epoch) => [`${epoch} train`, `${epoch} val`]),
    );
    expect(history[8]!.loss).toBeLessThan(history[0]!.loss * 0.8);
    expect(best.top1).toBeGreaterThan(0.9);
    expect(epochs.filter(({ isBest }) => isBest).at(-1)!.validation).toEqual(best);
    expect(lines.map((line) => JSON.parse(line))).toEqual(history);
    expect(lines.every((line) => line.endsWith("}\n"))).toBe(true);
    network.dispose();
  });

  it("shows each batch of a validation, with its logits", async () => {
    const network = tinyNetwork();
    const seen: [epoch: number, images: number][] = [];
    const confusion = new ConfusionMatrix(CLASSES);
    const callbacks = {
      onValidationBatch({ epoch, data, logits }: ValidationBatch) {
        seen.push([epoch, data.images.shape[0]]);
        if (epoch === 2) confusion.addBatch(logits, data.labels);
      },
    };
    const { history } = await new Trainer(options({ network, callbacks, epochs: 2 })).run();
    expect(seen.filter(([epoch]) => epoch === 2)).toEqual(seen.filter(([epoch]) => epoch === 1).map(([, n]) => [2, n]));
    expect(confusion.accuracy).toBe(history.at(-1)!.top1);
    network.dispose();
  });

  it("leaves no tensor behind", async () => {
    const network = tinyNetwork();
    const objective = kdObjective({ teacher: networkTeacher(network) });
    await new Trainer(options({ network, objective, epochs: 1 })).run(); // allocates the momentum buffers
    const before = memory().numTensors;
    await new Trainer(options({ network, objective, epochs: 1 })).run();
    expect(memory().numTensors).toBe(before);
  });

  it("continues bit for bit from the middle of an epoch", async () => {
    const straight = new Trainer(options());
    const { history } = await straight.run();
    const expected = await straight.state();

    const { state, reason, error } = await interrupted(({ step }) => step === BATCHES + 2);
    expect(error).toMatchObject({
      code: "E_ABORTED",
      message: "The training was stopped after step 8 of 18. Its state is saved: it can be resumed.",
    });
    expect(reason).toBe("abort");
    expect(state.progress).toMatchObject({ epoch: 1, batch: 2 });

    const resumed = new Trainer(options(resumeFrom(state)));
    const result = await resumed.run();
    const actual = await resumed.state();
    expect(actual.network).toEqual(expected.network);
    expect(actual.optimizer).toEqual(expected.optimizer);
    expect(withoutTimes(result.history)).toEqual(withoutTimes(history));
  });

  it("validates first when it was stopped between an epoch's last step and its validation", async () => {
    const { history } = await new Trainer(options()).run();
    const { state } = await interrupted(({ step }) => step === BATCHES);
    expect(state.progress).toMatchObject({ epoch: 0, batch: BATCHES, history: [] });

    const steps: number[] = [];
    const callbacks = { onStep: ({ step }: StepReport) => void steps.push(step) };
    const result = await new Trainer(options({ ...resumeFrom(state), callbacks })).run();
    expect(steps[0]).toBe(BATCHES + 1);
    expect(withoutTimes(result.history)).toEqual(withoutTimes(history));
  });

  it("is stopped by a timer, which a loop without turns would never see", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    const trainer = new Trainer(options({ epochs: 1000, signal: controller.signal }));
    await expect(trainer.run()).rejects.toMatchObject({
      code: "E_ABORTED",
      message: expect.stringContaining("is lost"),
    });
  });

  it("gives the finished result when a finished training is resumed", async () => {
    const states: TrainerState[] = [];
    const first = await new Trainer(options({ save: (state) => void states.push(state) })).run();
    const again = await new Trainer(options(resumeFrom(states.at(-1)!))).run();
    expect(again.history).toEqual(first.history);
    expect(again.best).toEqual(first.best);
  });

  it("saves after each epoch, and in between where asked to", async () => {
    const saves: string[] = [];
    const save: TrainerOptions["save"] = ({ progress }, { reason, report }) =>
      void saves.push(`${reason} ${progress.epoch}:${progress.batch} ${report?.epoch ?? "-"}`);
    await new Trainer(options({ epochs: 2, saveEverySteps: 4, save })).run();
    expect(saves).toEqual(["steps 0:4 -", "epoch 1:0 1", "steps 1:2 -", "epoch 2:0 2"]);
  });

  it("stops at a loss that is not finite, and says where and what to do", async () => {
    let step = 0;
    const network = tinyNetwork();
    const objective: TrainerOptions["objective"] = async (batch) => {
      const loss = await crossEntropyObjective()(batch);
      return (outputs) => mul(loss(outputs), ++step === 8 ? Number.NaN : 1);
    };
    const trainer = new Trainer(options({ network, objective, schedule: constantSchedule() }));
    await expect(trainer.run()).rejects.toMatchObject({
      code: "E_DIVERGED",
      message: expect.stringMatching(
        /became NaN at step 8 of 18 \(epoch 2 of 3\), with a learning rate of 0\.05\. .* Lower the learning rate/,
      ),
    });
    expect(trainer.progress).toMatchObject({ epoch: 1, batch: 1 });
    const state = await network.exportState();
    expect([...state.values()].every(({ data }) => data.every(Number.isFinite))).toBe(true);
  });

  it("distils: the student of a trained teacher learns its answers", async () => {
    const teacher = tinyNetwork();
    await new Trainer(options({ network: teacher, epochs: 5 })).run();
    const student = tinyNetwork(initialState(TINY, 4));
    const objective = kdObjective({ teacher: networkTeacher(teacher), alpha: 1 });
    const { history } = await new Trainer(options({ network: student, objective, epochs: 5 })).run();
    expect(history.at(-2)!.loss).toBeLessThan(history[0]!.loss / 2);
    expect(history.at(-1)!.top1).toBeGreaterThan(0.8);
  });
});
