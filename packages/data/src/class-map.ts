/** The classes of a data set, in label order. */
export interface LabelledClasses {
  /** WordNet ids, names of class folders, labels of a table. */
  readonly classIds: readonly string[];
  /** Names for people. */
  readonly classes: readonly string[];
}

/** Which output of a network each label of a data set is; or the classes that no output is of. */
export type ClassMap =
  | { readonly outputs: Int32Array; readonly isIdentity: boolean }
  | { readonly missing: readonly string[] };

/**
 * Finds the output of each class of a data set, by the classes' ids, else by their names.
 *
 *     outputs[label] = place of classIds[label] among the network's classes
 *
 * @param known What the network's outputs stand for, in their order; ids or names.
 */
export function mapClasses(known: readonly string[], { classIds, classes }: LabelledClasses): ClassMap {
  const output = new Map<string, number>();
  const ambiguous = new Set<string>();
  known.forEach((id, i) => {
    if (output.has(id)) ambiguous.add(id);
    output.set(id, i);
  });
  const find = (ids: readonly string[]) => ids.map((id) => (ambiguous.has(id) ? -1 : (output.get(id) ?? -1)));
  const missingOf = (found: readonly number[]) => found.filter((i) => i < 0).length;
  const [byId, byName] = [find(classIds), find(classes)];
  const found = missingOf(byName) < missingOf(byId) ? byName : byId;
  if (missingOf(found) > 0) return { missing: classIds.filter((_, label) => found[label]! < 0) };
  const isIdentity = found.length === known.length && found.every((i, label) => i === label);
  return { outputs: Int32Array.from(found), isIdentity };
}
