import type { Logits } from "@repvgg/core";
import type { ChartOptions } from "@repvgg/report";
import type { Protocol, Training } from "./training.ts";

/** What was found, for people and for programs: plain JSON. */
export interface ExperimentResult {
  readonly name: string;
  readonly title: string;
  /** What the paper did and found, with its section. */
  readonly paper: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What the paper says, and whether it is so here. */
  readonly findings: readonly { readonly claim: string; readonly holds: boolean }[];
  readonly charts: readonly ChartOptions[];
  /** The numbers of the table. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** Answers to the test images: a network's logits `[images, C]`, and the labels. */
export interface Answers {
  readonly labels: Int32Array;
  of(training: Training): Logits;
}

/** A finding of the paper that can be looked for again. */
export interface Experiment {
  readonly name: string;
  /** One line for `--help`. */
  readonly help: string;
  /** All that is to be trained, each after its teacher. */
  trainings(protocol: Protocol): Training[];
  /** What the trained networks' answers say. */
  judge(answers: Answers, protocol: Protocol): ExperimentResult;
}

/** `Hinton, Vinyals and Dean 2015, §3`, in full. */
export const PAPER = "Hinton, Vinyals and Dean 2015, Distilling the Knowledge in a Neural Network, §3";

export const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
