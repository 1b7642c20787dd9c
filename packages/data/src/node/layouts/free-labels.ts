import { some } from "./class-folders.ts";
import type { DatasetProblem } from "./layout.ts";
import { sortByCodePoint } from "./read-folder.ts";

/** An image with the label that a table or an archive gives it: a class's name, or its number. */
export interface FreelyLabelled {
  readonly name: string;
  readonly label: string;
}

const isNumber = (label: string) => /^\d+$/.test(label);

/**
 * The classes that labels stand for: those that occur, in sorted order, numbers by their value; or, where `names` are given
 * and the labels are numbers, all of these.
 *
 * @param names In label order.
 */
export function classesOfLabels(
  labels: Iterable<string>,
  names?: readonly string[],
): { classIds: readonly string[]; classes: readonly string[] } {
  const distinct = [...new Set(labels)];
  const areNumbers = distinct.every(isNumber);
  if (names && areNumbers) return { classIds: names.map((_, i) => String(i)), classes: names };
  const classIds = areNumbers ? distinct.sort((a, b) => Number(a) - Number(b)) : sortByCodePoint(distinct);
  return { classIds, classes: classIds };
}

/** More classes than any label's number may stand for. */
const MOST_CLASSES = 100_000;

/**
 * {@link classesOfLabels}, of labels whose numbers are outputs already: those without images keep their places, and are reported.
 *
 * @param names In label order.
 */
export function classesOfOutputs(
  labels: ReadonlySet<string>,
  names: readonly string[] | undefined,
  problems: DatasetProblem[],
): { classIds: readonly string[]; classes: readonly string[] } {
  const found = classesOfLabels(labels, names);
  const largest = Number(found.classIds.at(-1));
  if (names || !Number.isInteger(largest) || largest >= MOST_CLASSES) return found;
  const classIds = Array.from({ length: largest + 1 }, (_, label) => String(label));
  const empty = classIds.filter((id) => !labels.has(id));
  if (empty.length > 0) {
    const message = `No image has the labels ${some(empty)}. They keep their outputs; labels begin with 0.`;
    problems.push({ code: "empty-class", severity: "warning", message });
  }
  return { classIds, classes: classIds };
}

/**
 * Turns labels into places among the classes. Those that are no class become a problem, and their images are left out.
 *
 * @param where What the images are of, for the message.
 */
export function labelsOf(
  images: readonly FreelyLabelled[],
  classIds: readonly string[],
  where: string,
  problems: DatasetProblem[],
): { kept: string[]; keptIndices: number[]; labels: Int32Array } {
  const labelOf = new Map(classIds.map((id, label) => [id, label]));
  const kept: string[] = [];
  const keptIndices: number[] = [];
  const labels: number[] = [];
  const foreign = new Map<string, string[]>();
  images.forEach(({ name, label }, i) => {
    const known = labelOf.get(label);
    if (known === undefined) {
      foreign.set(label, [...(foreign.get(label) ?? []), name]);
      return;
    }
    kept.push(name);
    keptIndices.push(i);
    labels.push(known);
  });
  if (foreign.size > 0) {
    problems.push({
      code: "unknown-label",
      severity: "error",
      message:
        `${where}: ${images.length - kept.length} images have labels that are none of the ${classIds.length} classes: ` +
        `${some([...foreign.keys()])}. Correct the labels, or the list of classes.`,
      files: [...foreign.values()].flat(),
    });
  }
  return { kept, keptIndices, labels: Int32Array.from(labels) };
}
