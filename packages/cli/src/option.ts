/** A whole number or a real one, with the range that it must lie in. */
interface NumberOption {
  kind: "integer" | "number";
  help: string;
  default?: number;
  /** What stands for the default in `--help` where it depends on other things. */
  defaultText?: string;
  min?: number;
  max?: number;
  /** `min` and `max` themselves are outside. */
  open?: "min" | "max";
  /** May be given for a batch, as `0.1@256`. */
  perBatch?: true;
  /** May be `auto`. */
  auto?: true;
}

interface TextOption {
  kind: "text";
  help: string;
  /** What the value is, in `--help`: `file`, `folder`, … */
  value: string;
  default?: string;
  defaultText?: string;
  /** Given again, its values are joined by commas. */
  several?: true;
  /** What the flag means without a value. */
  alone?: string;
}

export interface ChoiceOption {
  kind: "choice";
  help: string;
  choices: readonly string[];
  /** What else is valid: a regular expression that matches all of it, and an example. */
  also?: { pattern: string; example: string };
  default?: string;
  defaultText?: string;
}

/** One value or more, up to the next flag. */
interface ListOption {
  kind: "list";
  help: string;
  /** What each value is, in `--help`. */
  value: string;
}

interface FlagOption {
  kind: "flag";
  help: string;
}

/** One option of a command. Its name is the key of the object that it stands in, in camelCase. */
export type OptionSpec = NumberOption | TextOption | ChoiceOption | ListOption | FlagOption;
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<O> = O extends { perBatch: true }
  ? number | string
  : O extends { auto: true }
    ? number | typeof AUTO
    : O extends { kind: "integer" | "number" }
      ? number
      : O extends { kind: "flag" }
        ? boolean
        : O extends { kind: "choice"; choices: readonly (infer C)[] }
          ? C
          : O extends { kind: "list" }
            ? readonly string[]
            : string;

/** The values that a command's `run` gets: undefined only where there is neither a value nor a default. */
export type OptionValues<O> = {
  [K in keyof O]: O[K] extends { default: unknown } | { kind: "flag" | "list" }
    ? ValueOf<O[K]>
    : ValueOf<O[K]> | undefined;
};

/** The value of an option that is to be chosen. */
export const AUTO = "auto";

/** `batchSize` → `--batch-size`. */
export function flagName(key: string): string {
  return "--" + key.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase());
}

/** The flag with its value, as `--help` shows it: `--batch-size <n>`. */
export function flagUsage(key: string, option: OptionSpec): string {
  const name = flagName(key);
  if (option.kind === "flag") return name;
  if (option.kind === "text") return option.alone ? `${name} [${option.value}]` : `${name} <${option.value}>`;
  if (option.kind === "list") return `${name} <${option.value}...>`;
  return `${name} <${option.kind === "choice" ? "name" : option.kind === "integer" ? "n" : "x"}>`;
}

/** What is printed as the default. */
export function defaultText(option: OptionSpec): string {
  if (option.kind === "flag") return "off";
  if ("defaultText" in option && option.defaultText !== undefined) return option.defaultText;
  if (option.kind === "list") return "none";
  return option.default === undefined ? "none" : String(option.default);
}

/** The choices in words, for `must be …`. */
export function choicesText({ choices, also }: ChoiceOption): string {
  return `one of ${choices.join(", ")}${also ? `, or as ${also.example}` : ""}`;
}

/** Whether a text is a choice, or what else is valid. */
export function isChoice(text: string, { choices, also }: ChoiceOption): boolean {
  return choices.includes(text) || (also !== undefined && new RegExp(also.pattern).test(text));
}

/** The range in words, for `must be …`. */
export function rangeText(option: NumberOption): string {
  if (option.auto) return `${rangeOf(option)}, or ${AUTO}`;
  return option.perBatch ? `${rangeOf(option)}, or with its batch, as 0.1@256` : rangeOf(option);
}

function rangeOf({ kind, min, max, open }: NumberOption): string {
  const noun = kind === "integer" ? "a whole number" : "a number";
  if (min !== undefined && max !== undefined) {
    return `${noun} in ${open === "min" ? "(" : "["}${min}, ${max}${open === "max" ? ")" : "]"}`;
  }
  if (min !== undefined) return open === "min" ? `${noun} above ${min}` : `${noun}, ${min} or more`;
  return noun;
}

/** Whether a number is of the option's kind and in its range. */
export function inRange(value: number, { kind, min, max, open }: NumberOption): boolean {
  if (!Number.isFinite(value) || (kind === "integer" && !Number.isSafeInteger(value))) return false;
  if (min !== undefined && (open === "min" ? value <= min : value < min)) return false;
  return max === undefined || (open === "max" ? value < max : value <= max);
}

/** A rate that is given for a batch, `0.1@256`; undefined where the text is none, or a number is out of range. */
export function parseRatePerBatch(text: string, option: NumberOption): { rate: number; images: number } | undefined {
  const [rate, images, ...more] = text.split("@").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (rate === undefined || images === undefined || more.length > 0) return undefined;
  return inRange(rate, option) && Number.isSafeInteger(images) && images >= 1 ? { rate, images } : undefined;
}
