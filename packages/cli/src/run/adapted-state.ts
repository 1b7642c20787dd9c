import { RepvggError } from "@repvgg/core";
import type { TrainerState } from "@repvgg/distill";
import type { Settings } from "./settings.ts";

/** The optimiser's arrays are of the parameters that learn, and of its kind. */
const OF_OPTIMIZER = ["optimizer", "freeze"] as const;
/** They decide what a distillation loss learns itself. */
const OF_OBJECTIVE = ["teacher", "loss", "featureStages"] as const;
/** They decide which batches an epoch has. */
const OF_BATCHES = ["batchSize", "accumulate", "limit", "split"] as const;

/**
 * A saved state for a training that goes on with other settings.
 *
 * @param batchesPerEpoch Of the training that goes on.
 * @param otherData Whether the images are others.
 * @returns The state, and what does not go on as it was, for people.
 * @throws {RepvggError} `E_USAGE`: the run has more epochs behind it than it is to have.
 */
export function adaptState(
  state: TrainerState,
  { before, settings }: { before: Settings; settings: Settings },
  { batchesPerEpoch, otherData }: { batchesPerEpoch: number; otherData: boolean },
): { state: TrainerState; notes: string[] } {
  const { epochs } = settings;
  const { epoch, batch, history } = state.progress;
  if (epochs < epoch || (epochs === epoch && batch > 0)) {
    throw new RepvggError(
      "E_USAGE",
      `--epochs ${epochs} is less than the run has done: ${epoch} epochs are behind it.`,
    );
  }
  const changed = (keys: readonly (keyof Settings)[]) => keys.some((key) => before[key] !== settings[key]);
  const notes: string[] = [];
  const dropped = (is: boolean, note: string) => {
    if (is) notes.push(note);
    return is;
  };
  const noOptimizer = dropped(changed(OF_OPTIMIZER), "The optimizer begins anew.");
  const noObjective = dropped(
    changed(OF_OBJECTIVE) && state.objective !== undefined,
    "What the loss learnt itself begins anew.",
  );
  const anew = dropped(
    batch > 0 && (otherData || changed(OF_BATCHES)),
    `Epoch ${epoch + 1} begins anew: its batches are others.`,
  );
  const running = { images: 0, loss: 0, top1: 0, top5: 0, seconds: 0, lr: 0 };
  const { average, objective, ...kept } = state;
  return {
    state: {
      ...kept,
      progress: {
        ...state.progress,
        epochs,
        batchesPerEpoch,
        history,
        ...(anew && { batch: 0, running }),
      },
      optimizer: noOptimizer ? new Map() : state.optimizer,
      ...(average && settings.ema !== undefined && { average }),
      ...(objective && !noObjective && { objective }),
    },
    notes,
  };
}
