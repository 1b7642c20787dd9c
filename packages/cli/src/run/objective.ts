import type { Device } from "@repvgg/backend";
import type { Network } from "@repvgg/core";
import {
  averageTeacher,
  type Classifier,
  cachedTeacher,
  crossEntropyObjective,
  distillationObjective,
  ensembleTeacher,
  needsFeatures,
  networkTeacher,
  type Objective,
  selectClasses,
  type Teacher,
  type TrainerOptions,
  teacherLogits,
} from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { changesImages } from "./augmentation.ts";
import { everyImage } from "./batch-sources.ts";
import { checkTeacher } from "./check-teacher.ts";
import { ensembleTemperature, lossTerms } from "./loss-terms.ts";
import { type OnnxTeacher, openOnnxTeacher } from "./onnx-teacher.ts";
import type { TeacherNetwork } from "./plan-teacher.ts";
import { startProgress } from "./progress.ts";
import { loadingOf } from "./training-parts.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** What the network learns from, and the teachers' memory to give back afterwards. */
export interface OpenObjective {
  readonly objective: Objective;
  dispose(): void;
}

export interface ObjectiveSurroundings {
  readonly device: Device;
  /** The student's. */
  readonly network: TrainerOptions["network"];
  /** Whether the training begins: its teachers are judged then. */
  readonly isNew: boolean;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

/** A teacher as the data sees it: with its classes. */
type TeacherView = Classifier & Partial<Pick<Network, "features">>;

/**
 * The labels, or the labels and a teacher.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: a teacher is no better than chance.
 */
export async function openObjective(plan: TrainingPlan, surroundings: ObjectiveSurroundings): Promise<OpenObjective> {
  const { teacher, settings } = plan;
  if (teacher === undefined) {
    return { objective: crossEntropyObjective({ labelSmoothing: settings.labelSmoothing ?? 0 }), dispose() {} };
  }
  const terms = lossTerms(settings);
  const under = (chosen: Teacher) => distillationObjective({ teacher: chosen, terms, seed: settings.seed });
  if (teacher.networks.length === 0) return { objective: under(averageTeacher(surroundings.network)), dispose() {} };

  const open: OpenTeacher[] = [];
  const dispose = () => {
    for (const one of open) one.dispose();
  };
  try {
    for (const network of teacher.networks) open.push(await openTeacher(plan, network, surroundings));
    const teachers = open.map((one) => one.teacher);
    const temperature = ensembleTemperature(settings);
    return {
      objective: under(teachers.length === 1 ? teachers[0]! : ensembleTeacher(teachers, { temperature })),
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

interface OpenTeacher {
  readonly teacher: Teacher;
  dispose(): void;
}

/** A judged teacher, which runs on each batch, or has been asked about every image. */
async function openTeacher(
  plan: TrainingPlan,
  planned: TeacherNetwork | OnnxTeacher,
  { device, isNew, signal, terminal }: ObjectiveSurroundings,
): Promise<OpenTeacher> {
  const { settings } = plan;
  const { name, outputs } = planned;
  const network = await openNetwork(plan, planned, device);
  let runs = false;
  try {
    const { features } = network;
    const view: TeacherView = outputs ? { ...selectClasses(network, outputs), ...(features && { features }) } : network;
    if (isNew && "notes" in planned) for (const note of planned.notes) terminal.note(note);
    if (isNew) await checkTeacher(name, view, plan, { terminal, signal, mayBeBad: settings.anyTeacher ?? false });
    // With augmentation each batch is new to the teacher; its features are too large to remember.
    runs = changesImages(settings) || lossTerms(settings).some(needsFeatures);
    if (runs) return { teacher: teacherOf(view), dispose: () => network.dispose() };
    return { teacher: cachedTeacher(await askTeacher(plan, name, view, signal, terminal)), dispose() {} };
  } finally {
    if (!runs) network.dispose();
  }
}

/** What a planned teacher becomes: a network on the device, or a session of onnxruntime. */
async function openNetwork(
  { settings, preprocessing }: TrainingPlan,
  planned: TeacherNetwork | OnnxTeacher,
  device: Device,
): Promise<TeacherView & { dispose(): unknown }> {
  if (!("state" in planned)) return openOnnxTeacher(planned, settings, preprocessing);
  const { spec, state, form } = planned;
  const options = { imageSize: preprocessing.size, batchSize: settings.batchSize };
  const network = await device.createNetwork({ spec, state, form, ...options });
  return {
    spec: network.spec,
    predict: (images) => network.predict(images),
    features: (images) => network.features(images),
    dispose: () => network.dispose(),
  };
}

/** One that runs on each batch; it shows features if its network does. */
function teacherOf({ predict, features }: TeacherView): Teacher {
  return features ? networkTeacher({ predict, features }) : ({ images }) => predict(images);
}

/** Without augmentation the teacher's answers never change: it is asked once about every image. */
async function askTeacher(
  { training, preprocessing, settings }: TrainingPlan,
  name: string,
  network: TeacherView,
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
