import {
  AUTO,
  type ChoiceOption,
  choicesText,
  flagName,
  inRange,
  isChoice,
  type OptionSpec,
  type OptionSpecs,
  type OptionValues,
  parseRatePerBatch,
  rangeText,
} from "./option.ts";

type RawOption = string | boolean | string[];
/** What commander read: strings, lists of them, and booleans for flags, by camelCase name. */
export type RawOptions = Readonly<Record<string, RawOption>>;

/**
 * The typed values of a command's options.
 *
 * @returns All options with their defaults, and only those that were given.
 * @throws {RepvggError} `E_USAGE`: a value is not of the option's kind, or out of its range.
 */
export async function readOptions<O extends OptionSpecs>(
  specs: O,
  raw: RawOptions,
): Promise<{ options: OptionValues<O>; given: Partial<OptionValues<O>> }> {
  const given: Record<string, unknown> = {};
  for (const [key, spec] of Object.entries(specs)) {
    const value = raw[key] ?? negated(key, raw);
    if (value !== undefined) given[key] = await readValue(key, spec, value);
  }
  const typed = given as Partial<OptionValues<O>>;
  return { options: withDefaults(specs, typed), given: typed };
}

/** Adds the defaults of everything that is not given. */
export function withDefaults<O extends OptionSpecs>(specs: O, given: Partial<OptionValues<O>>): OptionValues<O> {
  const defaults = Object.entries(specs).map(([key, spec]) => [key, initial(spec)]);
  return { ...Object.fromEntries(defaults), ...given };
}

function initial(spec: OptionSpec): unknown {
  if (spec.kind === "flag") return false;
  return spec.kind === "list" ? [] : spec.default;
}

/** commander keeps `--no-wide` as `wide: false`. */
function negated(key: string, raw: RawOptions): RawOption | undefined {
  if (!/^no[A-Z]/.test(key)) return undefined;
  const positive = key[2]!.toLowerCase() + key.slice(3);
  return raw[positive] === false ? true : undefined;
}

/**
 * One value as its option types it.
 *
 * @throws {RepvggError} `E_USAGE`: it is not of the option's kind, or out of its range.
 */
export async function readValue(key: string, spec: OptionSpec, raw: RawOption): Promise<unknown> {
  if (typeof raw !== "string" || spec.kind === "flag" || spec.kind === "text" || spec.kind === "list") return raw;
  if (spec.kind === "choice") {
    if (!isChoice(raw, spec)) throw await wrongChoice(key, raw, spec);
    return raw;
  }
  if (spec.auto && raw === AUTO) return raw;
  if (spec.perBatch && parseRatePerBatch(raw, spec)) return raw;
  const value = raw.trim() === "" ? Number.NaN : Number(raw);
  if (!inRange(value, spec)) throw await usageError(`${flagName(key)} must be ${rangeText(spec)}, got "${raw}".`);
  return value;
}

async function wrongChoice(key: string, raw: string, spec: ChoiceOption): Promise<Error> {
  const { nearestName } = await import("@repvgg/core");
  const nearest = nearestName(raw.toLowerCase(), spec.choices);
  return usageError(`${flagName(key)} must be ${choicesText(spec)}, got "${raw}". Did you mean ${nearest}?`);
}

async function usageError(message: string): Promise<Error> {
  const { RepvggError } = await import("@repvgg/core"); // Only now: `--help` starts without it.
  return new RepvggError("E_USAGE", message);
}
