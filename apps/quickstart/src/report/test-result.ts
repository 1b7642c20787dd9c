import type { Mistake, QuickstartResult, TrainingRecord } from "../result.ts";

const CLASSES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** A made-up result of plausible figures, for the report's tests. */
export function sampleResult(overrides: Partial<QuickstartResult> = {}): QuickstartResult {
  return {
    version: 1,
    finishedAt: "2026-01-02T03:04:05.000Z",
    seconds: 61.2,
    classes: CLASSES,
    testImages: 10_000,
    temperature: 4,
    alpha: 0.9,
    teacher: training("teacher", 0, 71, 1872),
    seeds: [{ seed: 1, alone: training("alone", 1, 343, 234), distilled: training("distilled", 1, 273, 234) }],
    costs: {
      teacher: { train: { params: 154_000, macs: 3_100_000 }, deploy: { params: 139_000, macs: 2_800_000 } },
      student: { train: { params: 7_500, macs: 160_000 }, deploy: { params: 6_800, macs: 140_000 } },
    },
    confusion: CLASSES.map((_, i) => CLASSES.map((_, j) => (i === j ? 970 : (i * j) % 7 === 3 ? (i + j) % 5 : 0))),
    darkKnowledge: CLASSES.map((_, i) => CLASSES.map((_, j) => (i === j ? 0.7 : 0.3 / 9))),
    mistakes: Array.from({ length: 8 }, (_, i) => mistake(i)),
    proof: {
      images: 10_000,
      maxAbsoluteError: 1.9e-5,
      maxRelativeError: 8.1e-7,
      agreement: 1,
      trainErrors: 273,
      deployErrors: 273,
    },
    latency: {
      teacher: {
        train: { medianMs: 0.412, p10Ms: 0.398, p90Ms: 0.521, runs: 2000 },
        deploy: { medianMs: 0.291, p10Ms: 0.283, p90Ms: 0.377, runs: 2000 },
      },
      student: {
        train: { medianMs: 0.071, p10Ms: 0.066, p90Ms: 0.098, runs: 2000 },
        deploy: { medianMs: 0.041, p10Ms: 0.039, p90Ms: 0.052, runs: 2000 },
      },
    },
    block: {
      name: "stage3.1",
      network: "teacher",
      inChannels: 64,
      outChannels: 64,
      size: [4, 4],
      before: { params: 41_344, macs: 655_360, operations: 8 },
      after: { params: 36_928, macs: 589_824, operations: 2 },
    },
    machine: { cpu: "A <fast> CPU", cores: 2, platform: "linux x64", node: "v24.0.0", device: "WASM", threads: 2 },
    settings: [["batch", "128"]],
    files: ["student.safetensors"],
    ...overrides,
  };
}

function training(name: TrainingRecord["name"], seed: number, errors: number, totalSteps: number): TrainingRecord {
  const epochs = name === "teacher" ? 4 : 3;
  const points = 60;
  return {
    name,
    seed,
    totalSteps,
    epochs,
    trainingImages: name === "teacher" ? 60_000 : 10_000,
    errors,
    seconds: name === "teacher" ? 40 : 4,
    curve: Array.from({ length: points }, (_, i) => ({
      step: Math.round(((i + 1) * totalSteps) / points),
      loss: 2.3 * Math.exp(-i / 12) + 0.05 + 0.02 * Math.sin(7 * i),
      trainError: 0.9 * Math.exp(-i / 9) + errors / 10_000 + 0.003 * Math.sin(5 * i + 1) ** 2,
    })),
    tests: Array.from({ length: epochs }, (_, i) => ({
      step: ((i + 1) * totalSteps) / epochs,
      testLoss: 0.1 + 0.3 / (i + 1),
      testError: (errors / 10_000) * (1 + 0.6 * (epochs - 1 - i)),
    })),
  };
}

function mistake(index: number): Mistake {
  const label = index % 10;
  const predicted = (index * 3 + 4) % 10;
  const spread = (truth: number, wrong: number) =>
    CLASSES.map((_, c) => (c === label ? truth : c === predicted ? wrong : (1 - truth - wrong) / 8));
  return {
    index,
    pixels: Array.from({ length: 784 }, (_, p) =>
      Math.hypot((p % 28) - 14, p / 28 - 14) < 9 ? 40 * (index % 6) + 40 : 0,
    ),
    size: [28, 28],
    label,
    predicted,
    student: spread(0.04, 0.93),
    teacher: spread(0.86, 0.1),
    teacherSoft: spread(0.4, 0.25),
  };
}
