import type { Form, RepVggSpec } from "@repvgg/core";

/** Libraries that can do a case's work; `engine` is what the others are compared with. */
export const PEERS = [
  "engine",
  "onnxruntime-node",
  "onnxruntime-web",
  "tfjs-wasm",
  "native",
  "pytorch",
  "torchvision",
  "1 worker",
] as const;
export type PeerName = (typeof PEERS)[number];

/**
 * What is measured: `predict` in inference mode; `train`, a step of forward, cross-entropy, backward and SGD with momentum and
 * weight decay; `start`, from a checkpoint's bytes to the first answer, in a process of its own each time; `load`, from a file of
 * PyTorch's to its weights; `data`, from a JPEG to the input of a network.
 */
export type Work = "predict" | "train" | "start" | "load" | "data";

/** One row: what is done, and who takes part. */
export interface Contest {
  /** What `--only` finds, and what results of different days are compared by. */
  readonly id: string;
  readonly title: string;
  readonly work: Work;
  /** Whether the engine may have V8's 256-bit code. */
  readonly wide: boolean;
  /** Default: what the command line says, all cores. */
  readonly threads?: number;
  /** Who takes part, and how many times the engine's time each must at least take; 0: no demand. */
  readonly peers: Partial<Record<PeerName, number>>;
}

/** A row about a network. */
export interface Case extends Contest {
  readonly work: Exclude<Work, "load" | "data">;
  readonly spec: RepVggSpec;
  readonly form: Form;
  readonly imageSize: number;
  readonly batchSize: number;
}
