/** The classes of a data set, in label order. */
export interface LabelledClasses {
  /** WordNet ids, names of class folders, labels of a table. */
  readonly classIds: readonly string[];
  /** Names for people. */
  readonly classes: readonly string[];
}

/** What is known of classes, completed: names stand for ids that are not known, and ids for names. */
export function labelledClasses({
  classIds,
  classes,
}: {
  readonly classIds?: readonly string[] | undefined;
  readonly classes?: readonly string[] | undefined;
}): LabelledClasses | undefined {
  const [ids, names] = [classIds ?? classes, classes ?? classIds];
  return ids && names && { classIds: ids, classes: names };
}

/** Which output of a network each label of a data set is; or the classes that no output is of. */
export type ClassMap =
  | { readonly outputs: Int32Array; readonly isIdentity: boolean }
  | { readonly missing: readonly string[] };

/**
 * Finds the output of each class of a data set, by the classes' ids, else by their names.
 *
 *     outputs[label] = place of classIds[label] among the network's classIds
 *
 * @param known What the network's outputs stand for, in their order, as {@link labelledClasses} completes it.
 */
export function mapClasses(known: LabelledClasses, { classIds, classes }: LabelledClasses): ClassMap {
  const missingOf = (found: readonly number[]) => found.filter((i) => i < 0).length;
  const [byId, byName] = [find(classIds, known.classIds), find(classes, known.classes)];
  const found = missingOf(byName) < missingOf(byId) ? byName : byId;
  if (missingOf(found) > 0) return { missing: classIds.filter((_, label) => found[label]! < 0) };
  const isIdentity = found.length === known.classIds.length && found.every((i, label) => i === label);
  return { outputs: Int32Array.from(found), isIdentity };
}

/** The place of each id among those that are known; -1 where it is none of them, or more than one. */
function find(ids: readonly string[], known: readonly string[]): number[] {
  const place = new Map<string, number>();
  known.forEach((id, i) => {
    place.set(id, place.has(id) ? -1 : i);
  });
  return ids.map((id) => place.get(id) ?? -1);
}
