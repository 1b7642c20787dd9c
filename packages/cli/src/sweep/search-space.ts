import { nearestName, RepvggError } from "@repvgg/core";
import { flagName, type OptionSpec, type OptionSpecs } from "../option.ts";
import { readValue } from "../read-options.ts";

export type SettingValue = string | number | boolean;

/** One searched setting: its values, or from where to where it is drawn. */
export type Axis =
  | { readonly key: string; readonly values: readonly SettingValue[] }
  | {
      readonly key: string;
      readonly from: number;
      readonly to: number;
      readonly log: boolean;
      readonly whole: boolean;
    };

/** `batchSize` → `batch-size`. */
export const settingName = (key: string): string => flagName(key).slice(2);

/**
 * The settings that `--grid` and `--range` name.
 *
 * @param specs What may be searched.
 * @throws {RepvggError} `E_USAGE`: an unknown setting, one that is named twice, or a value that its option does not take.
 */
export async function searchSpace(
  { grid = [], range = [] }: { readonly grid?: readonly string[]; readonly range?: readonly string[] },
  specs: OptionSpecs,
): Promise<Axis[]> {
  const axes: Axis[] = [];
  for (const text of grid) axes.push(await readList(text, specs));
  for (const text of range) axes.push(await readRange(text, specs));
  const keys = axes.map(({ key }) => key);
  const twice = keys.find((key, i) => keys.indexOf(key) < i);
  if (twice !== undefined) fail(`${settingName(twice)} is searched twice. Name it once, with all its values.`);
  return axes;
}

async function readList(text: string, specs: OptionSpecs): Promise<Axis> {
  const { key, spec, right } = readName("--grid", text, specs);
  const parts = right.split(right.includes(";") ? ";" : ",").map((part) => part.trim());
  // A last separator ends the list: `milestones=1,2;` is one value.
  const written = parts.length > 1 && parts.at(-1) === "" ? parts.slice(0, -1) : parts;
  const values: SettingValue[] = [];
  for (const part of written) {
    const value = await typed(key, spec, part);
    if (values.includes(value)) fail(`--grid ${text} has ${part} twice. Leave one out.`);
    values.push(value);
  }
  return { key, values };
}

async function readRange(text: string, specs: OptionSpecs): Promise<Axis> {
  const { key, spec, right } = readName("--range", text, specs);
  if (spec.kind !== "integer" && spec.kind !== "number") {
    fail(`--range ${text}: ${settingName(key)} is no number. Give its values: --grid ${settingName(key)}=...`);
  }
  const [first = "", last = "", scale, ...more] = right.split(":");
  if (last === "" || more.length > 0 || (scale !== undefined && scale !== "log")) {
    fail(`--range ${text} must be two numbers, as lr=0.001:0.5, or lr=0.001:0.5:log.`);
  }
  const [from, to] = [await typed(key, spec, first), await typed(key, spec, last)];
  if (typeof from !== "number" || typeof to !== "number") {
    return fail(`--range ${text} must be from a number to another. Values such as 0.1@256 go with --grid.`);
  }
  if (from >= to) fail(`--range ${text}: ${first} must be less than ${last}.`);
  const log = scale === "log";
  if (log && from <= 0) fail(`--range ${text}: a logarithm needs a first number above 0.`);
  return { key, from, to, log, whole: spec.kind === "integer" };
}

function readName(flag: string, text: string, specs: OptionSpecs): { key: string; spec: OptionSpec; right: string } {
  const at = text.indexOf("=");
  if (at < 1)
    fail(
      `${flag} ${text} must name a setting and its values, as ${flag === "--grid" ? "lr=0.05,0.1" : "lr=0.001:0.5:log"}.`,
    );
  const name = text.slice(0, at).trim().replace(/^--/, "");
  const key = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const spec = Object.hasOwn(specs, key) ? specs[key] : undefined;
  if (spec) return { key, spec, right: text.slice(at + 1) };
  const nearest = nearestName(name, Object.keys(specs).map(settingName));
  return fail(`${flag} ${text}: there is no setting "${name}". Did you mean ${nearest}?`);
}

async function typed(key: string, spec: OptionSpec, text: string): Promise<SettingValue> {
  if (text === "") fail(`A value of ${settingName(key)} is empty. Write it, or leave its comma out.`);
  if (spec.kind !== "flag") return (await readValue(key, spec, text)) as SettingValue;
  if (text !== "true" && text !== "false") fail(`${settingName(key)} is true or false, got "${text}".`);
  return text === "true";
}

function fail(message: string): never {
  throw new RepvggError("E_USAGE", message);
}
