import type { Device } from "@repvgg/backend";
import {
  cachedTeacher,
  crossEntropyObjective,
  distillationObjective,
  needsFeatures,
  networkTeacher,
  type Objective,
  teacherLogits,
} from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { changesImages } from "./augmentation.ts";
import { everyImage } from "./batch-sources.ts";
import { lossTerms } from "./loss-terms.ts";
import { startProgress } from "./progress.ts";
import { loadingOf } from "./training-parts.ts";
import type { PlannedTeacher, TrainingPlan } from "./training-plan.ts";

/** What the network learns from, and the teacher's memory to give back afterwards. */
export interface OpenObjective {
  readonly objective: Objective;
  dispose(): void;
}

/** The labels, or the labels and a teacher. */
export async function openObjective(
  plan: TrainingPlan,
  device: Device,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<OpenObjective> {
  const { teacher, settings } = plan;
  const { labelSmoothing, seed } = settings;
  if (teacher === undefined) {
    return { objective: crossEntropyObjective({ labelSmoothing: labelSmoothing ?? 0 }), dispose() {} };
  }
  const terms = lossTerms(settings);
  const network = await device.createNetwork({
    ...teacher,
    imageSize: plan.preprocessing.size,
    batchSize: settings.batchSize,
  });
  if (changesImages(settings) || terms.some(needsFeatures)) {
    // Each batch is new to the teacher, or too large to remember its features.
    const objective = distillationObjective({ teacher: networkTeacher(network), terms, seed });
    return { objective, dispose: () => network.dispose() };
  }
  try {
    const logits = await askTeacher(plan, teacher, network, signal, terminal);
    return { objective: distillationObjective({ teacher: cachedTeacher(logits), terms, seed }), dispose() {} };
  } finally {
    network.dispose();
  }
}

/** Without augmentation the teacher's answers never change: it is asked once about every image. */
async function askTeacher(
  { training, preprocessing, settings }: TrainingPlan,
  { name }: PlannedTeacher,
  network: Parameters<typeof teacherLogits>[0],
  signal: AbortSignal,
  terminal: Terminal,
) {
  const { batchSize } = settings;
  const source = everyImage(training, preprocessing, batchSize, loadingOf(settings, terminal));
  const progress = await startProgress(terminal, "teacher", training.length);
  try {
    const onBatch = (done: number) => progress.update(done, `asking ${name}`);
    return await teacherLogits(network, source, { onBatch, signal });
  } finally {
    progress.stop();
    await source.close();
  }
}
