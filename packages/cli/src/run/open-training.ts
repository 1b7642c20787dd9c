import type { Device } from "@repvgg/backend";
import { type Objective, type TrainerOptions, type TrainerState, withAuxiliaryLoss } from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { openObjective } from "./objective.ts";
import { openDeviceOf } from "./open-device.ts";
import { preprocessingOfEpoch } from "./progressive-size.ts";
import type { CacheUse } from "./teacher-cache/teacher-cache.ts";
import { trainableNetwork } from "./training-parts.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** The network that learns: where images grow, another one at each size. */
export interface CurrentStudent {
  network: TrainerOptions["network"];
}

/** What is open while the steps are done. */
export interface OpenTraining {
  readonly device: Device;
  readonly student: CurrentStudent;
  readonly objective: Objective;
  /** What the disk has given until now, where the teacher's answers are kept. */
  cacheUse?(): CacheUse;
}

/**
 * Opens device, network and objective for some work, and closes them after it.
 *
 * @param state The weights; without one those that the plan begins with.
 */
export async function withTraining<T>(
  plan: TrainingPlan,
  state: TrainerState | undefined,
  signal: AbortSignal,
  terminal: Terminal,
  work: (open: OpenTraining) => Promise<T>,
): Promise<T> {
  const { settings } = plan;
  const device = await openDeviceOf(settings, terminal, true);
  try {
    const { size } = preprocessingOfEpoch(plan, state?.progress.epoch ?? 0);
    const network = await trainableNetwork(device, plan, state?.network ?? plan.state, size);
    try {
      const student = { network };
      const { objective, dispose, cacheUse } = await openObjective(plan, {
        ...{ device, student, signal, terminal },
        isNew: state === undefined,
      });
      const { auxWeight: weight, labelSmoothing = 0 } = settings;
      try {
        const whole = withAuxiliaryLoss(objective, { weight, labelSmoothing });
        return await work({ device, student, objective: whole, ...(cacheUse && { cacheUse }) });
      } finally {
        await dispose();
      }
    } finally {
      network.dispose();
    }
  } finally {
    device.dispose();
  }
}
