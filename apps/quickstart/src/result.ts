/** One point of a training's curve: the steps between it and the point before. */
export interface CurvePoint {
  /** Steps done at the end of the window. */
  readonly step: number;
  /** Mean loss of the window's batches: the training's own objective. */
  readonly loss: number;
  /** Share of the window's training images that were answered wrongly, in train mode. */
  readonly trainError: number;
}

/** What is measured on the test images after an epoch. */
export interface EpochPoint {
  /** Steps done. */
  readonly step: number;
  readonly testLoss: number;
  /** Fraction of the test images. */
  readonly testError: number;
}

/** One finished training. */
export interface TrainingRecord {
  readonly name: "teacher" | "alone" | "distilled";
  readonly seed: number;
  readonly totalSteps: number;
  readonly epochs: number;
  readonly trainingImages: number;
  /** Wrong answers on the test images after the last epoch. */
  readonly errors: number;
  /** Seconds of training, validation included; the sum over interruptions. */
  readonly seconds: number;
  readonly curve: readonly CurvePoint[];
  readonly tests: readonly EpochPoint[];
}

export interface Cost {
  readonly params: number;
  readonly macs: number;
}

/** One network in both forms. */
export interface NetworkCost {
  readonly train: Cost;
  readonly deploy: Cost;
}

export interface Proof {
  readonly images: number;
  readonly maxAbsoluteError: number;
  /** Relative to the largest logit. */
  readonly maxRelativeError: number;
  /** Fraction of images for which both forms name the same class. */
  readonly agreement: number;
  readonly trainErrors: number;
  readonly deployErrors: number;
}

export interface Latency {
  readonly medianMs: number;
  readonly p10Ms: number;
  readonly p90Ms: number;
  /** Timed calls. */
  readonly runs: number;
}

/** One network in both forms. */
export interface FormLatency {
  readonly train: Latency;
  readonly deploy: Latency;
}

/** A test image that the distilled student gets wrong, with what each network thinks of it. */
export interface Mistake {
  /** Position in the test set. */
  readonly index: number;
  /** Grey values, row by row. */
  readonly pixels: readonly number[];
  readonly size: readonly [height: number, width: number];
  readonly label: number;
  readonly predicted: number;
  /** Probabilities by class. */
  readonly student: readonly number[];
  readonly teacher: readonly number[];
  /** The teacher's probabilities at the temperature of the distillation: what the student was shown. */
  readonly teacherSoft: readonly number[];
}

/** The block that the drawing explains. */
export interface BlockFigures {
  readonly name: string;
  readonly network: string;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly size: readonly [height: number, width: number];
  readonly before: Cost & { readonly operations: number };
  readonly after: Cost & { readonly operations: number };
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
  /** Name of the device, and how its engine runs here. */
  readonly device: string;
  readonly threads: number;
}

export interface SeedResult {
  readonly seed: number;
  readonly alone: TrainingRecord;
  readonly distilled: TrainingRecord;
}

/** All that the table and the report are made from: plain JSON. */
export interface QuickstartResult {
  readonly version: 1;
  readonly finishedAt: string;
  /** Wall time of this run's process, reading the data and writing the report included. */
  readonly seconds: number;
  readonly classes: readonly string[];
  readonly testImages: number;
  readonly temperature: number;
  readonly alpha: number;
  readonly teacher: TrainingRecord;
  readonly seeds: readonly SeedResult[];
  readonly costs: { readonly teacher: NetworkCost; readonly student: NetworkCost };
  /** Of the distilled student of the first seed; `[label][predicted]`. */
  readonly confusion: readonly (readonly number[])[];
  /** The teacher's mean probabilities by label at the temperature; `[label][class]`. */
  readonly darkKnowledge: readonly (readonly number[])[];
  readonly mistakes: readonly Mistake[];
  readonly proof: Proof;
  /** On one image. */
  readonly latency: { readonly teacher: FormLatency; readonly student: FormLatency };
  readonly block: BlockFigures;
  readonly machine: Machine;
  /** What was set, for people: label and value. */
  readonly settings: readonly (readonly [label: string, value: string])[];
  /** Files written beside the report. */
  readonly files: readonly string[];
}
