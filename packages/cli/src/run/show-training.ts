import type { EpochRecord, EpochReport, StepReport, TrainerCallbacks } from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { duration, percent } from "./numbers.ts";
import { startProgress } from "./progress.ts";
import { fittedLines, type ProgressPart } from "./progress-line.ts";

/** Shows a training while it runs: the steps as progress, a line for each epoch. */
export async function showTraining(
  terminal: Terminal,
  totalSteps: number,
): Promise<{ callbacks: TrainerCallbacks; stop(): void }> {
  const progress = await startProgress(terminal, "step", totalSteps);
  return {
    callbacks: {
      onStep: (report) => progress.update(report.step, describeStep(report)),
      onEpoch: (report) => terminal.note(fittedLines(describeEpoch(report), terminal.columns)),
    },
    stop: () => progress.stop(),
  };
}

function describeStep({
  epoch,
  epochs,
  averageLoss,
  top1,
  imagesPerSecond,
  etaSeconds,
}: StepReport): readonly ProgressPart[] {
  return [
    { text: `epoch ${epoch}/${epochs}`, importance: 3 },
    { text: `Loss ${averageLoss.toFixed(4)}`, importance: 5 },
    { text: `Acc@1 ${percent(top1)}`, importance: 2 },
    { text: `${Math.round(imagesPerSecond)} images/s`, importance: 1 },
    { text: `ETA ${duration(etaSeconds)}`, importance: 4 },
  ];
}

/** From this share of an epoch on, that it waited for its batches is worth a word. */
const NOTABLE_WAIT = 0.05;

function waited({ seconds, dataSeconds = 0 }: EpochRecord): string[] {
  const share = dataSeconds / seconds;
  return share >= NOTABLE_WAIT ? [`${percent(share, 0)} % of it waiting for images`] : [];
}

/** What belongs together, so that a narrow terminal breaks between. */
function describeEpoch({ epoch, epochs, train, validation, average, isBest }: EpochReport): string[][] {
  const judged = (name: string, { loss, top1 }: EpochRecord) => [
    `${name} ${loss.toFixed(4)}`,
    `Acc@1 ${percent(top1)}`,
  ];
  return [
    [`Epoch ${epoch}/${epochs}`, ...judged("Loss", train)],
    ...(validation ? [judged("val Loss", validation)] : []),
    ...(average ? [[`EMA Acc@1 ${percent(average.top1)}`]] : []),
    ...(train.skipped ? [[`${train.skipped} batches skipped`]] : []),
    [duration(train.seconds), ...waited(train), ...(isBest ? ["best"] : [])],
  ];
}
