import type { Images } from "@repvgg/core";
import type { Case } from "./case.ts";

/** What every worker process is asked for, as its only argument. */
export interface WorkerRequest {
  readonly peer: string;
  readonly work: Case;
  readonly threads: number;
  /** The checkpoint: safetensors, or ONNX for those that read it. */
  readonly model: string;
}

/** What a worker says once it is warm, as a line of JSON; or why its peer leaves the case out. */
export type WorkerReady =
  | { readonly description: string; readonly startMs: number; readonly logits: readonly number[] | null }
  | { readonly absent: string };

/** What a worker says to a number of repetitions, a line. */
export interface Measurement {
  /** Mean time of one. */
  readonly ms: number;
  /** Processor time of all the worker's threads. */
  readonly cpuMs: number;
  /** The most memory that the process has held so far. */
  readonly peakBytes: number;
}

/** A network of one peer, ready to run. */
export interface Runner {
  /** Library, version and settings, in a few words. */
  readonly description: string;
  /** Does the work once. */
  run(): Promise<unknown>;
  /** What the network answers to the case's images; null where weights are not the case's own, or it trains. */
  logits(): Promise<Float32Array> | null;
}

/** Loads a library; what it returns goes from a checkpoint's bytes to a runner. */
export type Loader = (
  request: WorkerRequest,
) => Promise<(bytes: Uint8Array, images: Images, labels: Int32Array) => Promise<Runner>>;
