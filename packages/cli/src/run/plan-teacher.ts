import { type Form, fuseStateLazily, type NdArray, type RepVggSpec, RepvggError } from "@repvgg/core";
import type { LabelledClasses, Preprocessing } from "@repvgg/data";
import { flagName } from "../option.ts";
import { loadTrained, type TrainedModel } from "./model.ts";
import { type OnnxTeacher, type OnnxTeacherSettings, planOnnxTeacher } from "./onnx-teacher.ts";
import { describeNormalisation, type Normalisation, sameNormalisation } from "./renormalised.ts";
import { exists } from "./run-folder.ts";
import { refuseTeacher, teacherOutputs } from "./teacher-outputs.ts";

/** What `--teacher` says for the moving average of the student's own weights. */
export const AVERAGE_TEACHER = "ema";

/** A network to learn from, in its deploy form: the same answers, sooner. */
export interface TeacherNetwork {
  readonly name: string;
  readonly spec: RepVggSpec;
  readonly state: ReadonlyMap<string, NdArray>;
  readonly form: Form;
  /** Of its images; absent where they are the student's. */
  readonly normalisation?: Normalisation;
  /** Which of its outputs each class of the data is; absent where they agree as they are. */
  readonly outputs?: Int32Array;
  /** What was found, for people. */
  readonly notes: readonly string[];
}

/** What to learn from. */
export interface PlannedTeacher {
  readonly name: string;
  /** Several are an ensemble; none: the average of the student's weights. */
  readonly networks: readonly (TeacherNetwork | OnnxTeacher)[];
}

/** What `--teacher` names, and which of its weights. */
interface TeacherChoice {
  readonly teacher: string;
  /** Takes the moving average that its training kept. */
  readonly emaWeights?: boolean | undefined;
}

/**
 * The files of `--teacher a,b`; one name with a comma in it may be a file, too.
 *
 * @throws {RepvggError} `E_USAGE`: the average of the student's own weights is one of several.
 */
export async function teacherFiles(teacher: string): Promise<string[]> {
  if (await exists(teacher)) return [teacher];
  const files = teacher.split(",").map((file) => file.trim());
  if (files.length > 1 && files.includes(AVERAGE_TEACHER) && !(await exists(AVERAGE_TEACHER))) {
    throw new RepvggError(
      "E_USAGE",
      `--teacher ${teacher}: ${AVERAGE_TEACHER} is the average of the student's own weights, which teaches alone. Several teachers are ` +
        "checkpoints, run folders and ONNX files, as in large.safetensors,other.onnx.",
    );
  }
  return files;
}

/**
 * Reads what `--teacher` names.
 *
 * @param data Its classes; a teacher that says its own is asked for them by name, in whatever order it has them.
 * @throws {RepvggError} `E_CHECKPOINT`: a teacher cannot be read, knows other classes, or takes other channels; `E_USAGE`: flags
 *   for ONNX files of other programs where there is none.
 */
export async function planTeacher(
  { teacher, emaWeights, ...given }: OnnxTeacherSettings & TeacherChoice,
  student: RepVggSpec,
  preprocessing: Preprocessing,
  data: LabelledClasses,
): Promise<PlannedTeacher> {
  if (teacher === AVERAGE_TEACHER) return { name: "the average of its own weights", networks: [] };
  const networks: (TeacherNetwork | OnnxTeacher)[] = [];
  for (const file of await teacherFiles(teacher)) {
    const model = await loadOwn(file, emaWeights);
    if (model === undefined) {
      networks.push(await planOnnxTeacher(file, given, student, preprocessing, data));
      continue;
    }
    const outputs = teacherOutputs(model, student.numClasses, data);
    checkChannels(model, student);
    const { name, spec, form, state, preprocessing: own } = model;
    const normalisation = own && !sameNormalisation(own, preprocessing) ? own : undefined;
    networks.push({
      ...{ name, spec, form: "deploy", state: form === "deploy" ? state : fuseStateLazily(spec, state) },
      ...(outputs && { outputs }),
      ...(normalisation && { normalisation }),
      notes: normalisation
        ? [
            `Teacher ${name}: its images are normalised by ${describeNormalisation(normalisation)}, and so the student's are for it.`,
          ]
        : [],
    });
  }
  checkUsed(given, networks);
  return { name: networks.map(({ name }) => name).join(", "), networks };
}

/** A RepVGG; undefined for an ONNX file that does not hold one as `export` writes it. */
async function loadOwn(file: string, emaWeights: boolean | undefined): Promise<TrainedModel | undefined> {
  try {
    return await loadTrained(file, { emaWeights });
  } catch (error) {
    const isForeign = /\.onnx$/i.test(file) && (await exists(file));
    if (isForeign && error instanceof RepvggError && error.code === "E_CHECKPOINT") return undefined;
    throw error;
  }
}

/** @throws {RepvggError} `E_USAGE`: a flag for ONNX files of other programs, and no such file. */
function checkUsed(given: OnnxTeacherSettings, networks: PlannedTeacher["networks"]): void {
  if (networks.some((network) => !("state" in network))) return;
  const flags = (["teacherMean", "teacherStd", "teacherClasses"] as const).filter((key) => given[key] !== undefined);
  if (flags.length === 0) return;
  throw new RepvggError(
    "E_USAGE",
    `${flags.map(flagName).join(" and ")} describe an ONNX file of another program, and this teacher is a RepVGG, which says it ` +
      "itself. Leave them out.",
  );
}

function checkChannels({ name, spec: { inputChannels } }: TrainedModel, student: RepVggSpec): void {
  if (inputChannels === student.inputChannels) return;
  refuseTeacher(name, `takes ${inputChannels} channels, the student ${student.inputChannels}`);
}
