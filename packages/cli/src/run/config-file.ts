import { readFile } from "node:fs/promises";
import { nearestName, RepvggError } from "@repvgg/core";
import { type ZodType, z } from "zod";
import {
  AUTO,
  choicesText,
  type OptionSpec,
  type OptionSpecs,
  type OptionValues,
  parseRatePerBatch,
  rangeText,
} from "../option.ts";
import { SETTINGS } from "../training-options.ts";

/** What a run folder's config.json says besides the settings; ignored when it is given as `--config`. */
const RUN_KEY = "run";

/** The schema of a config file: any of the options, by camelCase name, and nothing else. */
export function configSchema(specs: OptionSpecs) {
  const described = (spec: OptionSpec) => ({
    description: spec.help,
    ...("default" in spec && { default: spec.default }),
  });
  const fields = Object.entries(specs).map(([key, spec]) => [key, field(spec).optional().meta(described(spec))]);
  return z.strictObject({
    $schema: z.string().optional().describe("Where this schema is, for editors."),
    ...(Object.fromEntries(fields) as Record<string, ZodType>),
    [RUN_KEY]: z.unknown().optional().describe("What a run wrote about itself; not read."),
  });
}

function field(spec: OptionSpec): ZodType {
  if (spec.kind === "flag") return z.boolean();
  if (spec.kind === "text") return z.string().min(1);
  if (spec.kind === "list") return z.array(z.string().min(1));
  if (spec.kind === "choice") {
    const listed = z.enum(spec.choices as [string, ...string[]]);
    return spec.also ? z.union([listed, z.string().regex(new RegExp(spec.also.pattern))]) : listed;
  }
  let number = spec.kind === "integer" ? z.int() : z.number();
  if (spec.min !== undefined) number = spec.open === "min" ? number.gt(spec.min) : number.min(spec.min);
  if (spec.max !== undefined) number = spec.open === "max" ? number.lt(spec.max) : number.max(spec.max);
  if (spec.auto) return z.union([number, z.literal(AUTO)]);
  if (!spec.perBatch) return number;
  return z.union([number, z.string().refine((text) => parseRatePerBatch(text, spec) !== undefined)]);
}

/**
 * Reads a config file, JSON or YAML by its name.
 *
 * @throws {RepvggError} `E_USAGE`: it cannot be read or parsed, or holds an unknown name or a value out of range.
 */
export async function readConfig<O extends OptionSpecs>(file: string, specs: O): Promise<Partial<OptionValues<O>>> {
  const parsed = await parse(file);
  const result = configSchema(specs).safeParse(parsed);
  if (!result.success) throw new RepvggError("E_USAGE", `${file}: ${explain(result.error.issues[0]!, specs, parsed)}`);
  const { $schema, [RUN_KEY]: _, ...settings } = result.data;
  return settings as Partial<OptionValues<O>>;
}

async function parse(file: string): Promise<unknown> {
  try {
    const text = await readFile(file, "utf8");
    if (!/\.ya?ml$/i.test(file)) return JSON.parse(text);
    const { parse } = await import("yaml");
    return parse(text);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file. Check the path." : message.split("\n")[0];
    throw new RepvggError("E_USAGE", `The config file ${file} cannot be used: ${reason}`, { cause });
  }
}

/** The first thing that is wrong, in the words of the options. */
function explain(issue: z.core.$ZodIssue, specs: OptionSpecs, parsed: unknown): string {
  if (issue.code === "unrecognized_keys") {
    const [key] = issue.keys as [string];
    const owner = Object.entries(SETTINGS).find(([, others]) => key in others)?.[0];
    if (owner) return `"${key}" is a setting of \`repvgg ${owner}\`. Leave it out, or give the file to that command.`;
    return `there is no setting "${key}". Did you mean ${nearestName(key, Object.keys(specs))}?`;
  }
  const key = String(issue.path[0] ?? "");
  const spec = specs[key];
  if (spec === undefined) return 'it must hold one object of settings, { "epochs": 4, ... }.';
  const value = (parsed as Readonly<Record<string, unknown>>)[key];
  return `${key} must be ${expected(spec)}, got ${JSON.stringify(value)}.`;
}

function expected(spec: OptionSpec): string {
  if (spec.kind === "flag") return "true or false";
  if (spec.kind === "text") return "a text";
  if (spec.kind === "list") return "a list of texts";
  return spec.kind === "choice" ? choicesText(spec) : rangeText(spec);
}
