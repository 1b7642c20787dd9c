import type { Device } from "@repvgg/backend";
import type { Images, Network } from "@repvgg/core";
import {
  type Classifier,
  cachedTeacher,
  needsFeatures,
  selectClasses,
  type Teacher,
  teacherLogits,
} from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { everyImage } from "./batch-sources.ts";
import { acceptTeacher, type Judgement, judgeTeacher } from "./check-teacher.ts";
import { lossTerms } from "./loss-terms.ts";
import type { OnnxTeacher } from "./onnx-teacher.ts";
import type { TeacherNetwork } from "./plan-teacher.ts";
import { startProgress } from "./progress.ts";
import { renormalised } from "./renormalised.ts";
import type { Settings } from "./settings.ts";
import { changesByEpoch } from "./teacher-cache/cache-key.ts";
import { loadingOf } from "./training-parts.ts";
import type { TrainingPlan } from "./training-plan.ts";

export interface TeacherSurroundings {
  readonly device: Device;
  /** Whether the training begins: its teachers are judged then. */
  readonly isNew: boolean;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

/** What is kept of a teacher from one training to the next. */
export interface TeacherRecord {
  readonly judgement: Judgement | undefined;
  keepJudgement(judgement: Judgement): void;
  /** The teacher, asked only for what is not kept. */
  recorded(teacher: Teacher): Teacher;
}

export interface OpenTeacher {
  readonly teacher: Teacher;
  dispose(): Promise<void>;
}

/** A teacher as the data sees it: with its classes. */
type TeacherView = Classifier & Partial<Pick<Network, "features">> & { dispose(): unknown };
type PlannedNetwork = TeacherNetwork | OnnxTeacher;
type Size = readonly [height: number, width: number];

/**
 * A judged teacher, which runs on each batch, or has been asked about every image, or is asked for what is not kept.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: it is no better than chance.
 */
export async function openTeacher(
  plan: TrainingPlan,
  planned: PlannedNetwork,
  surroundings: TeacherSurroundings,
  kept?: TeacherRecord,
): Promise<OpenTeacher> {
  const { settings, preprocessing } = plan;
  const { isNew, terminal } = surroundings;
  const foreign = "state" in planned ? undefined : planned;
  const open = (size: Size) => openView(plan, planned, surroundings.device, size);
  const network = new SizedTeacher(open, { takesAnySize: foreign !== undefined });
  try {
    if (isNew) {
      for (const note of planned.notes) terminal.note(note);
      const judgement =
        kept?.judgement ?? (await judgeTeacher(await network.of(preprocessing.size), plan, surroundings));
      acceptTeacher(planned.name, judgement, { terminal, mayBeBad: settings.anyTeacher ?? false });
      kept?.keepJudgement(judgement);
    }
    const dispose = () => network.dispose();
    if (kept) {
      await foreign?.release(); // its answers may all be there
      return { teacher: kept.recorded(network.teacher(false)), dispose };
    }
    const showsFeatures = lossTerms(settings).some(needsFeatures);
    // With augmentation each batch is new to the teacher; its features are too large to remember.
    if (changesByEpoch(plan) || showsFeatures) {
      return { teacher: network.teacher(!foreign), dispose };
    }
    const answers = await askTeacher(plan, planned.name, await network.of(preprocessing.size), surroundings);
    await network.dispose();
    return { teacher: cachedTeacher(answers), dispose };
  } catch (error) {
    await network.dispose();
    await foreign?.release();
    throw error;
  }
}

/** A network that is made when it is first asked, and again for images of another size unless it takes any. */
class SizedTeacher {
  readonly #open: (size: Size) => Promise<TeacherView>;
  readonly #takesAnySize: boolean;
  #made: { readonly size: Size; readonly view: TeacherView } | undefined;

  constructor(open: (size: Size) => Promise<TeacherView>, { takesAnySize }: { takesAnySize: boolean }) {
    this.#open = open;
    this.#takesAnySize = takesAnySize;
  }

  async of(size: Size): Promise<TeacherView> {
    const { size: made, view } = this.#made ?? {};
    if (view && (this.#takesAnySize || (made![0] === size[0] && made![1] === size[1]))) return view;
    await this.dispose();
    this.#made = { size, view: await this.#open(size) };
    return this.#made.view;
  }

  /** Sees each batch itself. */
  teacher(showsFeatures: boolean): Teacher {
    const viewFor = ({ shape }: Images) => this.of([shape[1], shape[2]]);
    const ask: Teacher = async ({ images }) => (await viewFor(images)).predict(images);
    if (!showsFeatures) return ask;
    return Object.assign(ask, {
      features: async ({ images }: { images: Images }) => (await viewFor(images)).features!(images),
    });
  }

  /** Safe to call twice. */
  async dispose(): Promise<void> {
    const made = this.#made;
    this.#made = undefined;
    await made?.view.dispose();
  }
}

/** A teacher that is asked about the student's images, and answers with the classes of the data. */
async function openView(
  { settings, preprocessing }: TrainingPlan,
  planned: PlannedNetwork,
  device: Device,
  imageSize: Size,
): Promise<TeacherView> {
  const network = await openNetwork(planned, settings, device, imageSize);
  const { outputs, normalisation } = planned;
  const seen = (images: Images) => (normalisation ? renormalised(images, preprocessing, normalisation) : images);
  const view: TeacherView = {
    spec: network.spec,
    predict: (images) => network.predict(seen(images)),
    ...("features" in network && { features: (images: Images) => network.features(seen(images)) }),
    dispose: () => network.dispose(),
  };
  return outputs ? { ...view, ...selectClasses(view, outputs) } : view;
}

/** What a planned teacher becomes: a network on the device, or a session of onnxruntime. */
function openNetwork(planned: PlannedNetwork, settings: Settings, device: Device, imageSize: Size) {
  if (!("state" in planned)) return planned.open();
  const { spec, state, form } = planned;
  return device.createNetwork({ spec, state, form, imageSize, batchSize: settings.batchSize });
}

/** Without augmentation the teacher's answers never change: it is asked once about every image. */
async function askTeacher(
  { training, preprocessing, settings }: TrainingPlan,
  name: string,
  network: Classifier,
  { signal, terminal }: TeacherSurroundings,
) {
  const source = everyImage(training, preprocessing, settings.batchSize, loadingOf(settings, terminal));
  const progress = await startProgress(terminal, "teacher", training.length);
  try {
    const onBatch = (done: number) => progress.update(done, `asking ${name}`);
    return await teacherLogits(network, source, { onBatch, signal });
  } finally {
    progress.stop();
    await source.close();
  }
}
