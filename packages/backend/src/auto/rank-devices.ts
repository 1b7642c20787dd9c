import type { DeviceName } from "../device.ts";

/** How long a training step takes on this machine. */
export interface StepTimes {
  /** When, in ISO 8601. */
  readonly measured: string;
  /** Of what, for people: `repvgg-a0 on 4 images of 32x32`. */
  readonly step: string;
  /** Milliseconds, of each device that worked. */
  readonly stepMs: Readonly<Partial<Record<DeviceName, number>>>;
}

/** What is known of the machine. */
export interface Knowledge {
  /** Undefined: nothing was measured here. */
  readonly times: StepTimes | undefined;
  /** Whether tfjs-node-gpu is linked to a TensorFlow. */
  readonly cudaLinked: boolean;
}

/** A device that `auto` would take. */
export interface Candidate {
  readonly name: DeviceName;
  /** For people. */
  readonly why: string;
}

/** The default works everywhere, starts fastest, and gives the same bits on any number of threads: less than this is not worth another. */
const WORTHWHILE = 1.1;

/**
 * The devices in the order in which `auto` tries them; the last one is "wasm", which needs nothing.
 *
 * By the times of this machine. Without any: "cuda" where it is linked, which nobody does without a GPU, then "wasm", which was faster than
 * every other device wherever it was measured without a GPU.
 */
export function rankDevices({ times, cudaLinked }: Knowledge): Candidate[] {
  if (!times) {
    const hint = "nothing was measured here, `repvgg devices` does";
    const wasm: Candidate = { name: "wasm", why: `the fastest without a GPU wherever we measured; ${hint}` };
    return cudaLinked ? [{ name: "cuda", why: `linked to a TensorFlow; ${hint}` }, wasm] : [wasm];
  }
  const limit = (times.stepMs.wasm ?? Number.POSITIVE_INFINITY) / WORTHWHILE;
  const measured = Object.entries(times.stepMs) as [DeviceName, number][];
  const faster = measured.filter(([name, ms]) => name !== "wasm" && ms < limit).sort(([, a], [, b]) => a - b);
  const names: DeviceName[] = [...faster.map(([name]) => name), "wasm"];
  return names.map((name) => ({
    name,
    why: `${comparison(name, times)}, measured here on ${times.measured.slice(0, 10)}`,
  }));
}

/** `33.8 ms for a training step of repvgg-a0 on 4 images of 32x32 (native 66 ms, cpu 9900 ms)`. */
function comparison(name: DeviceName, { step, stepMs }: StepTimes): string {
  const text = (of: DeviceName) => (stepMs[of] === undefined ? "no time" : milliseconds(stepMs[of]));
  const others = (Object.keys(stepMs) as DeviceName[]).filter((other) => other !== name);
  const beside = others.length > 0 ? ` (${others.map((other) => `${other} ${text(other)}`).join(", ")})` : "";
  return `${text(name)} for a training step of ${step}${beside}`;
}

export const milliseconds = (ms: number): string => `${Number(ms.toPrecision(3))} ms`;
