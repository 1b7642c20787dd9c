import {
  type Forms,
  type LayerPlan,
  type NdArray,
  nearestName,
  RepvggError,
  sameShape,
  stateLayout,
} from "@repvgg/core";

/** Pairs of names that are compared, so that finding the nearest ones never takes long. */
const COMPARED = 50_000;
const LISTED = 2_000;
const MAX_NAME = 200;

/**
 * Checks that a file has exactly the entries of the network, of the right shapes, and no negative variance. Whether they
 * are finite is seen when they are read.
 *
 * @param state By the original's names.
 * @param nameInFile An entry's name as the file has it.
 * @throws {RepvggError} `E_CHECKPOINT`: lists every missing, unexpected, misshapen and unusable entry.
 */
export function checkEntries(
  plan: LayerPlan,
  form: Forms,
  state: ReadonlyMap<string, NdArray>,
  nameInFile: (name: string) => string,
): void {
  const entries = stateLayout(plan, form);
  const expected = new Set(entries.map(({ name }) => name));
  const missing = [...expected].filter((name) => !state.has(name));
  const unexpected = [...state.keys()].filter((name) => !expected.has(name));
  const candidates = missing.length > 0 ? missing : [...expected];
  const [suggestForMissing, suggestForUnexpected, suggestForShape] = [suggester(), suggester(), suggester()];
  const ofShape = new Map<string, string[]>();
  for (const { name, shape } of entries) {
    const names = ofShape.get(shape.join());
    if (names) names.push(name);
    else ofShape.set(shape.join(), [name]);
  }
  const misshapen = entries.flatMap(({ name, shape }) => {
    const actual = state.get(name)?.shape;
    if (actual === undefined || sameShape(actual, shape)) return [];
    const nearest = suggestForShape("nearest of that shape", name, ofShape.get(actual.join()) ?? []);
    return [`${nameInFile(name)} is [${fileShape(actual)}] instead of [${fileShape(shape)}]${nearest}`];
  });
  const negative = entries.flatMap(({ name, role }) =>
    role === "runningVar" && state.get(name)?.data.some((variance) => variance < 0) ? [nameInFile(name)] : [],
  );
  const problems = [
    list(
      "missing",
      missing.map((name) => `${name}${suggestForMissing("nearest in the file", name, unexpected, nameInFile)}`),
    ),
    list(
      "unexpected",
      unexpected.map(
        (name) => `${nameInFile(name).slice(0, MAX_NAME)}${suggestForUnexpected("nearest", name, candidates)}`,
      ),
    ),
    list("misshapen", misshapen),
    list("with a negative variance", negative),
  ].filter(Boolean);
  if (problems.length === 0) return;
  throw new RepvggError("E_CHECKPOINT", `Its entries do not fit the network: ${problems.join("; ")}.`);
}

/** Gives ` (title: name)`, the nearest of the candidates, as long as there is time for it and there are any. */
function suggester(): (
  title: string,
  name: string,
  candidates: readonly string[],
  shown?: (name: string) => string,
) => string {
  let left = COMPARED;
  return (title, name, candidates, shown = (found) => found) => {
    left -= candidates.length;
    if (left < 0 || candidates.length === 0) return "";
    const nearest = nearestName(
      name.slice(0, MAX_NAME),
      candidates.map((candidate) => candidate.slice(0, MAX_NAME)),
    );
    return nearest === undefined ? "" : ` (${title}: ${shown(nearest)})`;
  };
}

/** The shape as the file has it: [h, w, in, out] → [out, in, h, w]. */
function fileShape(shape: readonly number[]): string {
  const [a, b, c, d] = shape;
  return (shape.length === 4 ? [d, c, a, b] : shape.length === 2 ? [b, a] : shape).join(", ");
}

function list(what: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  const more = items.length > LISTED ? ` and ${items.length - LISTED} more` : "";
  return `${what} ${items.slice(0, LISTED).join(", ")}${more}`;
}
