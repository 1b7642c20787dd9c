import { readFileSync } from "node:fs";
import { type Device, type DeviceName, openDevice } from "@repvgg/backend";
import { type Images, ndArray } from "@repvgg/core";
import { torchReference } from "@repvgg/tooling";
import { afterAll, describe, expect, it } from "vitest";
import { withAuxiliaryLoss } from "./auxiliary-loss.ts";
import type { Batch, BatchSource } from "./batch-source.ts";
import { crossEntropyObjective } from "./objectives.ts";
import type { OptimizerOptions } from "./optimizer-options.ts";
import {
  constantSchedule,
  cosineSchedule,
  multiStepSchedule,
  oneCycleSchedule,
  polynomialSchedule,
  type Schedule,
  stepSchedule,
  withWarmup,
} from "./schedules.ts";
import { Trainer } from "./trainer.ts";
import type { EmaOptions, StepReport } from "./trainer-types.ts";

interface Case {
  readonly options: {
    readonly optimizer: OptimizerOptions;
    readonly schedule: { kind: keyof typeof SCHEDULES; options?: Record<string, never>; warmupEpochs?: number };
    readonly accumulate?: number;
    readonly ema?: EmaOptions;
    readonly freeze?: string[];
    readonly labelSmoothing?: number;
    readonly mixture?: number;
    readonly network?: "plain" | "plus";
  };
  /** Of each batch. */
  readonly losses: number[];
  readonly gradientNorms?: number[];
  readonly statistics: Record<string, number[]>;
  /** Of the network, and of its average. */
  readonly validationLosses: number[];
}

/** By PyTorch in float64: make_trainings.py. */
const CASES: Record<string, Case> = JSON.parse(
  readFileSync(new URL("fixtures/trainings.json", import.meta.url), "utf8"),
);
const SCHEDULES = {
  constant: constantSchedule,
  cosine: cosineSchedule,
  step: stepSchedule,
  multiStep: multiStepSchedule,
  polynomial: polynomialSchedule,
  oneCycle: oneCycleSchedule,
};
const [EPOCHS, BATCHES, BATCH, CLASSES] = [4, 5, 6, 10];
/** Where the validation's batch stands. */
const VALIDATION = 1000;
/** As `batch` in make_trainings.py. */
function batchOf(index: number, [height, width]: readonly [number, number], mixture: number | undefined): Batch {
  const labels = Int32Array.from({ length: BATCH }, (_, n) => (index * 3 + n * 7) % CLASSES);
  const pixel = (n: number, y: number, x: number, c: number) =>
    Math.sin(0.9 * y + 0.3 * (labels[n]! + 1) * x + 2.1 * c + 0.7 * n + 1.3 * index);
  const size = height * width * 3;
  const own = Float32Array.from({ length: BATCH * size }, (_, i) => {
    const [n, y, x] = [Math.floor(i / size), Math.floor((i % size) / (width * 3)), Math.floor((i % (width * 3)) / 3)];
    return pixel(n, y, x, i % 3);
  });
  const images: Images = ndArray([BATCH, height, width, 3], own);
  const indices = Int32Array.from(labels, (_, n) => n);
  if (mixture === undefined) return { images, labels, indices };
  const partners = indices.map((n) => (n + BATCH - 1) % BATCH);
  const data = own.map(
    (value, i) => mixture * value + (1 - mixture) * own[partners[Math.floor(i / size)]! * size + (i % size)]!,
  );
  return { images: ndArray(images.shape, data), labels, indices, mixture: { partners, lambda: mixture } };
}

const source = (
  count: number,
  first: (epoch: number) => number,
  size: readonly [number, number],
  mixture?: number,
): BatchSource => ({
  batchesPerEpoch: count,
  batchSize: BATCH,
  dataset: { length: count * BATCH },
  async *batches(epoch, start = 0) {
    for (let i = start; i < count; i++) yield batchOf(first(epoch) + i, size, mixture);
  },
});

const objectiveOf = ({ labelSmoothing = 0 }: Case["options"]) =>
  withAuxiliaryLoss(crossEntropyObjective({ labelSmoothing }), { labelSmoothing });

function scheduleOf({ kind, options, warmupEpochs = 0 }: Case["options"]["schedule"]): Schedule {
  const schedule = SCHEDULES[kind](options as never);
  return warmupEpochs > 0 ? withWarmup(schedule, { epochs: warmupEpochs }) : schedule;
}

/** PyTorch's losses are of batches, a step's report is of the mean over its batches. */
function lossesOfSteps(losses: readonly number[], accumulate: number): number[] {
  return Array.from({ length: EPOCHS }, (_, epoch) => losses.slice(epoch * BATCHES, (epoch + 1) * BATCHES)).flatMap(
    (inEpoch) =>
      Array.from({ length: Math.ceil(BATCHES / accumulate) }, (_, i) => {
        const part = inEpoch.slice(i * accumulate, (i + 1) * accumulate);
        return part.reduce((sum, loss) => sum + loss, 0) / part.length;
      }),
  );
}

const devices = new Map<DeviceName, Promise<Device>>();
const deviceOf = (name: DeviceName) => {
  if (!devices.has(name)) devices.set(name, openDevice(name, { threads: 2 }));
  return devices.get(name)!;
};
afterAll(async () => {
  for (const device of devices.values()) (await device).dispose();
});

/** What is asked of 20 steps in float32. */
const TOLERANCE = 1e-4;

/** tfjs on the CPU takes a second a case; it is compared with the engine, case by case, in the backend package. */
const ON_TFJS = [
  "SGD with Nesterov's momentum, cosine",
  "AdamW with accumulation and clipping",
  "frozen stages",
  "auxiliary classifiers",
];

describe.each([
  ["wasm", Object.keys(CASES)],
  ["cpu", ON_TFJS],
] as const)("twenty steps on %s against PyTorch's float64", (name, cases) => {
  it.each(cases)("%s", async (title) => {
    const { options, ...expected } = CASES[title]!;
    const { optimizer, schedule, accumulate = 1, ema, freeze = [], mixture } = options;
    const network = torchReference(options.network ?? "plain");
    const size = network.plan.inputSize;
    const trained = await (await deviceOf(name)).createTrainableNetwork({
      spec: network.plan.spec,
      state: network.state,
      imageSize: size,
      batchSize: BATCH,
      freeze,
    });
    const steps: StepReport[] = [];
    const { history } = await new Trainer({
      network: trained,
      data: source(BATCHES, (epoch) => epoch * BATCHES, size, mixture),
      validation: source(1, () => VALIDATION, size),
      epochs: EPOCHS,
      objective: objectiveOf(options),
      optimizer,
      schedule: scheduleOf(schedule),
      accumulate,
      ...(ema && { ema }),
      callbacks: { onStep: (report) => void steps.push(report) },
    }).run();
    const state = await trained.exportState();
    trained.dispose();

    const errors = lossesOfSteps(expected.losses, accumulate).map((loss, i) => Math.abs(steps[i]!.loss - loss));
    expect(errors).toHaveLength(steps.length);
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
    const last = history.filter(({ split, epoch }) => split !== "train" && epoch === EPOCHS);
    expect(last).toHaveLength(expected.validationLosses.length);
    last.forEach(({ loss }, i) => {
      expect(Math.abs(loss - expected.validationLosses[i]!)).toBeLessThan(TOLERANCE);
    });
    steps.forEach(({ gradientNorm }, i) => {
      if (!expected.gradientNorms) expect(gradientNorm).toBeUndefined();
      else expect(Math.abs(gradientNorm! / expected.gradientNorms[i]! - 1)).toBeLessThan(TOLERANCE);
    });
    for (const [statistic, values] of Object.entries(expected.statistics)) {
      const found = state.get(statistic)!.data;
      values.forEach((value, i) => {
        expect(Math.abs(found[i]! - value), statistic).toBeLessThan(TOLERANCE);
      });
    }
  });
});
