import { type Form, fuseState, type RepVggSpec, RepvggError, type StateDict } from "@repvgg/core";
import { type LabelledClasses, mapClasses, type Preprocessing } from "@repvgg/data";
import { loadTrained, type TrainedModel } from "./model.ts";
import { exists } from "./run-folder.ts";

/** What `--teacher` says for the moving average of the student's own weights. */
export const AVERAGE_TEACHER = "ema";
const SHOWN = 5;

/** A network to learn from, in its deploy form: the same answers, sooner. */
export interface TeacherNetwork {
  readonly name: string;
  readonly spec: RepVggSpec;
  readonly state: StateDict;
  readonly form: Form;
  /** Which of its outputs each class of the data is; absent where they agree as they are. */
  readonly outputs?: Int32Array;
}

/** What to learn from. */
export interface PlannedTeacher {
  readonly name: string;
  /** Several are an ensemble; none: the average of the student's weights. */
  readonly networks: readonly TeacherNetwork[];
}

/** The files of `--teacher a,b`; one name with a comma in it may be a file, too. */
export async function teacherFiles(teacher: string): Promise<string[]> {
  if (await exists(teacher)) return [teacher];
  return teacher.split(",").map((file) => file.trim());
}

/**
 * Reads what `--teacher` names.
 *
 * @param data Its classes; a teacher that says its own is asked for them by name, in whatever order it has them.
 * @throws {RepvggError} `E_CHECKPOINT`: a teacher cannot be read, knows other classes, or sees images in another way.
 */
export async function planTeacher(
  teacher: string,
  student: RepVggSpec,
  preprocessing: Preprocessing,
  data: LabelledClasses,
): Promise<PlannedTeacher> {
  if (teacher === AVERAGE_TEACHER) return { name: "the average of its own weights", networks: [] };
  const networks: TeacherNetwork[] = [];
  for (const file of await teacherFiles(teacher)) {
    const model = await loadTrained(file);
    const outputs = outputsOf(model, student, data);
    checkImages(model, student, preprocessing);
    const { name, spec, form, state } = model;
    const fused = form === "train" ? fuseState(spec, state) : state;
    networks.push({ name, spec, form: "deploy", state: fused, ...(outputs && { outputs }) });
  }
  return { name: networks.map(({ name }) => name).join(", "), networks };
}

function fail({ name }: TrainedModel, why: string): never {
  throw new RepvggError("E_CHECKPOINT", `The teacher ${name} ${why}. Give a teacher that was trained on this data.`);
}

function outputsOf(teacher: TrainedModel, student: RepVggSpec, data: LabelledClasses): Int32Array | undefined {
  const { spec, classes } = teacher;
  if (classes === undefined) {
    if (spec.numClasses === student.numClasses) return undefined;
    return fail(teacher, `has ${spec.numClasses} classes, the data ${student.numClasses}`);
  }
  const map = mapClasses(classes, data);
  if (!("missing" in map)) return map.isIdentity ? undefined : map.outputs;
  if (spec.numClasses !== student.numClasses)
    fail(teacher, `has ${spec.numClasses} classes, the data ${student.numClasses}`);
  const { missing } = map;
  const shown = missing.slice(0, SHOWN).join(", ") + (missing.length > SHOWN ? ", ..." : "");
  return fail(teacher, `does not know ${missing.length} of the ${student.numClasses} classes of the data: ${shown}`);
}

function checkImages(teacher: TrainedModel, student: RepVggSpec, preprocessing: Preprocessing): void {
  const { inputChannels } = teacher.spec;
  if (inputChannels !== student.inputChannels) {
    fail(teacher, `takes ${inputChannels} channels, the student ${student.inputChannels}`);
  }
  const { mean, std } = teacher.preprocessing ?? preprocessing;
  if (String([mean, std]) !== String([preprocessing.mean, preprocessing.std])) {
    fail(teacher, "was trained on images that were normalised in another way");
  }
}
