import { describe, expect, it } from "vitest";
import { parseClassIndex } from "./class-index.ts";
import { labelledClasses, mapClasses } from "./class-map.ts";

/** ImageNet's outputs 0, 1 and 134; the name of the last one is that of output 517 as well. */
const IDS = ["n01440764", "n01443537", "n02012849"];
const NAMES = ["tench", "goldfish", "crane"];
const refusal = (message: RegExp) =>
  expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) });

describe("parseClassIndex", () => {
  it.each([
    ["Keras", '{"2": ["n02012849", "crane"], "0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}', NAMES],
    ["ids by output", '{"1": "n01443537", "2": "n02012849", "0": "n01440764"}', undefined],
    ["torchvision's class_to_idx", '{"n02012849": 2, "n01443537": 1, "n01440764": 0}', undefined],
    ["a JSON list", JSON.stringify(IDS), undefined],
    ["pairs", JSON.stringify(IDS.map((id, i) => [id, NAMES[i]])), NAMES],
    ["LOC_synset_mapping.txt", IDS.map((id, i) => `${id} ${NAMES[i]}\r\n`).join(""), NAMES],
    ["one id in each line", `\uFEFF${IDS.join("\n")}\n\n`, undefined],
  ])("reads %s", (_, text, names) => {
    expect(parseClassIndex(text)).toEqual({ ids: IDS, ...(names && { names }) });
  });

  it("orders more than ten outputs by number, and keeps lines of names whole", () => {
    const ids = Array.from({ length: 12 }, (_, i) => `class ${i}`);
    const shuffled = ids.map((id, i) => [`${i}`, id] as const).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(parseClassIndex(JSON.stringify(Object.fromEntries(shuffled))).ids).toEqual(ids);
    expect(parseClassIndex(ids.join("\n")).ids).toEqual(ids);
  });

  it.each([
    ["", /has no classes/],
    ["[]", /has no classes/],
    ['{"0": ["n01440764", "tench"]', /is not JSON/],
    ['{"0": "a", "2": "b"}', /outputs must be 0 to 1, each one once; "b"/],
    ['{"a": 0, "b": 0}', /each one once; "b"/],
    ['{"0": {"id": "a"}}', /"0" is neither an id nor \[id, name\]/],
    ["[[1, 2]]", /item 0 is neither/],
    ['{"0": "crane", "1": "crane"}', /"crane" twice, as the outputs 0 and 1.*WordNet ids/],
  ])("refuses %s", (text, message) => {
    expect(() => parseClassIndex(text)).toThrow(refusal(message));
  });
});

describe("mapClasses", () => {
  const ids = ["n01", "n02", "n03", "n04", "n05"];
  const same = (list: readonly string[]) => ({ classIds: list, classes: list });
  const known = same(ids);

  it("gives the output of each label, in the data set's order", () => {
    const set = { classIds: ["n02", "n05", "n04"], classes: ["two", "five", "four"] };
    expect(mapClasses(known, set)).toEqual({ outputs: Int32Array.of(1, 4, 3), isIdentity: false });
  });

  it("tells a data set of the same classes in the same order from one in another", () => {
    expect(mapClasses(known, known)).toMatchObject({ isIdentity: true });
    expect(mapClasses(known, same([...ids].reverse()))).toMatchObject({ isIdentity: false });
    expect(mapClasses(known, same(ids.slice(0, 3)))).toMatchObject({ isIdentity: false });
  });

  it("goes by names where ids are not known, but not by a name that two outputs have", () => {
    const set = { classIds: ["n1", "n2"], classes: ["goldfish", "crane"] };
    expect(mapClasses(same(["crane", "goldfish"]), set)).toMatchObject({ outputs: Int32Array.of(1, 0) });
    expect(mapClasses(same(["crane", "goldfish", "crane"]), set)).toEqual({ missing: ["n2"] });
  });

  it("knows ids and names apart: the same class of a data set that lacks the names, or has others", () => {
    const cranes = { classIds: ["n02", "n03"], classes: ["crane", "crane"] };
    expect(mapClasses(cranes, same(["n03", "n02"]))).toMatchObject({ outputs: Int32Array.of(1, 0) });
    const set = { classIds: ["0", "1"], classes: ["bird", "crane"] };
    expect(mapClasses({ classIds: ["n02", "n03"], classes: ["crane", "bird"] }, set)).toMatchObject({
      outputs: Int32Array.of(1, 0),
    });
  });

  it("names what is missing by its ids", () => {
    expect(mapClasses(known, { classIds: ["n02", "n09"], classes: ["two", "nine"] })).toEqual({ missing: ["n09"] });
  });
});

it("labelledClasses takes names for ids and ids for names where only one is known", () => {
  expect(labelledClasses({ classes: ["a"] })).toEqual({ classIds: ["a"], classes: ["a"] });
  expect(labelledClasses({ classIds: ["n1"] })).toEqual({ classIds: ["n1"], classes: ["n1"] });
  expect(labelledClasses({ classIds: ["n1"], classes: ["a"] })).toEqual({ classIds: ["n1"], classes: ["a"] });
  expect(labelledClasses({})).toBeUndefined();
});
