import type { RepVggSpec } from "@repvgg/core";

/** One measurement: a network, and what is done with it. */
export interface Case {
  readonly title: string;
  readonly spec: RepVggSpec;
  readonly imageSize: number;
  readonly batchSize: number;
  /** `predict`: the deploy form, in inference mode. `train`: forward, cross-entropy, backward and SGD with momentum. */
  readonly work: "predict" | "train";
}

/** A library that does the work of a case. */
export interface Peer {
  readonly name: string;
  /** Makes the network, ready to run; a string says why this peer leaves the case out. */
  open(work: Case, threads: number): Promise<Runner | string>;
}

/** A network of one peer, ready to run. */
export interface Runner {
  /** Library, version and settings, in a few words. */
  readonly description: string;
  /** Does the work `times` times and gives the mean time of one, in milliseconds. */
  measure(times: number): Promise<number>;
  /** What the network answers to the case's images, where the weights are the case's own. */
  logits?(): Promise<Float32Array>;
  close(): Promise<void>;
}
