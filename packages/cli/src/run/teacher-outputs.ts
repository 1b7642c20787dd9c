import { type RepVggSpec, RepvggError } from "@repvgg/core";
import { type LabelledClasses, labelledClasses, mapClasses } from "@repvgg/data";

const SHOWN = 5;

/** What is known of a teacher's answers. */
export interface TeacherClasses {
  readonly name: string;
  readonly spec: Pick<RepVggSpec, "numClasses">;
  readonly classes: readonly string[] | undefined;
  readonly classIds?: readonly string[] | undefined;
}

/** @throws {RepvggError} `E_CHECKPOINT`: always. */
export function refuseTeacher(name: string, why: string): never {
  throw new RepvggError("E_CHECKPOINT", `The teacher ${name} ${why}. Give a teacher that was trained on this data.`);
}

/**
 * Which output of a teacher each class of the data is: by name, and where the teacher names none, by equal numbers of classes.
 *
 * @param numClasses The student's.
 * @returns Undefined where they agree as they are.
 * @throws {RepvggError} `E_CHECKPOINT`: the teacher knows other classes.
 */
export function teacherOutputs(
  { name, spec, ...own }: TeacherClasses,
  numClasses: number,
  data: LabelledClasses,
): Int32Array | undefined {
  const known = labelledClasses(own);
  if (known === undefined) {
    if (spec.numClasses === numClasses) return undefined;
    return refuseTeacher(name, `has ${spec.numClasses} classes, the data ${numClasses}`);
  }
  const map = mapClasses(known, data);
  if (!("missing" in map)) return map.isIdentity ? undefined : map.outputs;
  if (spec.numClasses !== numClasses) refuseTeacher(name, `has ${spec.numClasses} classes, the data ${numClasses}`);
  const { missing } = map;
  const shown = missing.slice(0, SHOWN).join(", ") + (missing.length > SHOWN ? ", ..." : "");
  return refuseTeacher(name, `does not know ${missing.length} of the ${numClasses} classes of the data: ${shown}`);
}
