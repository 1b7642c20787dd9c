import type { Device } from "@repvgg/backend";
import {
  type Form,
  fuseStateLazily,
  type Images,
  initialState,
  layerPlan,
  type NdArray,
  profile,
  RepvggError,
} from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { formText } from "./form-text.ts";
import { loadModel, type Model, type ModelOptions } from "./model.ts";
import { quantile, scaled } from "./numbers.ts";
import { type DeviceChoice, openDeviceOf } from "./open-device.ts";
import { randomImages } from "./proof-inputs.ts";

export interface BenchOptions extends ModelOptions, DeviceChoice {
  batch: number;
  form?: Form | undefined;
  train: boolean;
  runs: number;
  warmup: number;
  seconds?: number | undefined;
  seed: number;
}

/** A training step multiplies about three times as much as a forward pass: once forward, twice backward. */
const TRAINING_FACTOR = 3;

/** One run: a forward pass, or a training step. */
interface Measured {
  run(images: Images): Promise<unknown>;
  dispose(): void;
}

/** Latency of a network, warm. */
export async function benchModel(name: string, options: BenchOptions, terminal: Terminal): Promise<CommandResult> {
  const { batch, train, seed } = options;
  const form = options.form ?? (train ? "train" : "deploy");
  if (train && form === "deploy") {
    throw new RepvggError(
      "E_USAGE",
      "--train measures training steps, which only the train form has; leave --form out.",
    );
  }
  const model = await loadModel(name, options);
  const state = stateOf(model, form, seed);
  const device = await openDeviceOf(options, terminal);
  try {
    const network = train
      ? await trainingStep(device, model, state, batch)
      : await forward(device, model, state, form, batch);
    // After the network, which says so when a batch does not fit into the memory.
    const shape = [batch, ...model.imageSize, model.spec.inputChannels] as const;
    const times = await measure(network, shape, options);
    const { macs } = profile(layerPlan(model.spec, model.imageSize), form);
    return report(model, device, times, { form, batch, train, macs: macs * (train ? TRAINING_FACTOR : 1) });
  } finally {
    device.dispose();
  }
}

/** @throws {RepvggError} `E_USAGE`: a deploy checkpoint has no train form. */
function stateOf(model: Model, form: Form, seed: number): ReadonlyMap<string, NdArray> {
  const { spec, checkpoint, name } = model;
  const state = checkpoint?.state ?? initialState(spec, seed);
  if (form === model.form) return state;
  if (form === "deploy") return fuseStateLazily(spec, state);
  const fused = model.form === "deploy" ? "in deploy form" : formText(model.form);
  throw new RepvggError(
    "E_USAGE",
    `${name} is ${fused}, which cannot be taken apart again; leave --form train or --train out.`,
  );
}

async function forward(
  device: Device,
  model: Model,
  state: ReadonlyMap<string, NdArray>,
  form: Form,
  batch: number,
): Promise<Measured> {
  const { spec, imageSize } = model;
  const network = await device.createNetwork({ spec, state, form, imageSize, batchSize: batch });
  return { run: (images) => network.predict(images), dispose: () => network.dispose() };
}

async function trainingStep(
  device: Device,
  model: Model,
  state: ReadonlyMap<string, NdArray>,
  batch: number,
): Promise<Measured> {
  const { crossEntropyObjective } = await import("@repvgg/distill");
  const { spec, imageSize } = model;
  const network = await device.createTrainableNetwork({ spec, state, imageSize, batchSize: batch });
  const indices = Int32Array.from({ length: batch }, (_, i) => i);
  const labels = indices.map((i) => i % spec.numClasses);
  const objective = crossEntropyObjective();
  const sgd = { learningRate: 1e-3, momentum: 0.9, weightDecay: 1e-4, nesterov: false };
  return {
    run: async (images) => network.trainStep(images, await objective({ images, labels, indices }), sgd),
    dispose: () => network.dispose(),
  };
}

/** Milliseconds of each run, sorted; at least one. Disposes the network. */
async function measure(
  network: Measured,
  shape: Images["shape"],
  { runs, warmup, seconds = Number.POSITIVE_INFINITY, seed }: BenchOptions,
): Promise<Float64Array> {
  const times: number[] = [];
  try {
    const images = randomImages(shape, seed);
    const end = performance.now() + seconds * 1000;
    for (let i = -warmup; i < runs; i++) {
      const start = performance.now();
      await network.run(images);
      const now = performance.now();
      if (i >= 0 || now > end) times.push(now - start);
      if (now > end) break;
    }
  } finally {
    network.dispose();
  }
  return Float64Array.from(times).sort();
}

function report(
  model: Model,
  device: Device,
  times: Float64Array,
  { form, batch, train, macs }: { form: Form; batch: number; train: boolean; macs: number },
): CommandResult {
  const [median, p10, p90] = [0.5, 0.1, 0.9].map((share) => quantile(times, share)) as [number, number, number];
  const imagesPerSecond = (batch * 1000) / median;
  const macsPerSecond = macs * imagesPerSecond;
  const { name, threads } = device;
  const value = {
    model: model.name,
    device: name,
    threads,
    batch,
    form,
    train,
    imageSize: model.imageSize,
    runs: times.length,
    latencyMs: { median, p10, p90 },
    imagesPerSecond,
    macsPerSecond,
  };
  const what = train ? "training steps" : `${form} form`;
  const ms = (x: number) => x.toFixed(x < 10 ? 3 : 1);
  const text = [
    `${model.name}, ${what}, batch ${batch} of ${model.imageSize.join("x")}, ${name}, threads: ${threads}`,
    `  latency     ${ms(median)} ms (median of ${times.length}; p10 ${ms(p10)}, p90 ${ms(p90)})`,
    `  throughput  ${imagesPerSecond.toFixed(1)} images/s, ${scaled(macsPerSecond)}MAC/s`,
  ];
  return { value, text: text.join("\n") };
}
