import { RepvggError } from "@repvgg/core";
import { type LabelledClasses, labelledClasses, mapClasses } from "@repvgg/data";
import { readClassIndex } from "@repvgg/data/node";
import type { Terminal } from "../terminal.ts";
import type { DataSource } from "./data-source.ts";
import type { TrainedModel } from "./model.ts";
import { grouped } from "./numbers.ts";

const NEEDED =
  "--class-index FILE tells the class of each output: imagenet_class_index.json, LOC_synset_mapping.txt, a list of class names " +
  "in the order of the outputs, or the folder that the network was trained on.";
const SHOWN = 5;

/** What a checkpoint keeps of a data set's classes: ids only where they say more than the names. */
export function keptClasses({ classes, classIds }: LabelledClasses): Partial<LabelledClasses> {
  const saysMore = classIds.some((id, i) => id !== classes[i]) && !onlyNumbers({ classIds });
  return { classes, ...(saysMore && { classIds }) };
}

/**
 * Which output of a network each class of a data set is. Labels of two data sets mean the same only if their classes do: 1000
 * outputs compared with 200 labels, or folders in another order, would measure nothing.
 *
 * @param classIndex A file or folder; without it, what the checkpoint says, and where that or the data set has no names, equal
 *   numbers of classes.
 * @returns Undefined where outputs and labels agree as they are.
 * @throws {RepvggError} `E_USAGE`: nothing says which output is which class, or the index is not this network's; `E_DATA`: the
 *   data set has classes that the network does not know.
 */
export async function outputsOfClasses(
  model: TrainedModel,
  source: DataSource,
  classIndex: string | undefined,
  terminal: Terminal,
): Promise<Int32Array | undefined> {
  const { numClasses } = model.spec;
  const known = classIndex === undefined ? labelledClasses(model) : await indexOf(classIndex, numClasses);
  const matchesByPlace = source.classes.length === numClasses; // As validation scripts take it: both sorted by class.
  if (classIndex === undefined && matchesByPlace && (known === undefined || onlyNumbers(source))) return undefined;
  if (known === undefined) {
    throw new RepvggError(
      "E_USAGE",
      `The network has ${numClasses} outputs and ${source.name} ${source.classes.length} classes, and the checkpoint does not ` +
        `say which output is which class. ${NEEDED}`,
    );
  }
  const map = mapClasses(known, source);
  if ("missing" in map) throw unknownClasses(map.missing, source, classIndex ?? model.name);
  if (map.isIdentity) return undefined;
  terminal.note(
    `Judged on ${grouped(map.outputs.length)} of the network's ${grouped(numClasses)} outputs, by the classes of ${classIndex ?? "the checkpoint"}.`,
  );
  return map.outputs;
}

/** Whether the data set has no names for its classes, as MNIST's files: label 3 is then output 3. */
const onlyNumbers = ({ classIds }: Pick<LabelledClasses, "classIds">) =>
  classIds.every((id, index) => id === String(index));

async function indexOf(path: string, numClasses: number): Promise<LabelledClasses> {
  const { ids, names } = await readClassIndex(path);
  if (ids.length === numClasses) return { classIds: ids, classes: names ?? ids };
  throw new RepvggError(
    "E_USAGE",
    `--class-index ${path} has ${ids.length} classes, but the network has ${numClasses} outputs: it is another network's. ` +
      "Give the index of the classes that it was trained on.",
  );
}

function unknownClasses(missing: readonly string[], { name, classIds }: DataSource, where: string): RepvggError {
  const shown = missing.slice(0, SHOWN).join(", ") + (missing.length > SHOWN ? ", ..." : "");
  return new RepvggError(
    "E_DATA",
    `${missing.length} of the ${classIds.length} classes of ${name} are none of ${where}: ${shown}. ` +
      `Their images cannot be judged. ${NEEDED}`,
  );
}
