import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import { defaultText, flagName, type OptionSpec, type OptionSpecs } from "../option.ts";
import { SETTINGS, type TrainingCommand } from "../training-options.ts";
import { exists } from "./run-folder.ts";

const LINE_LENGTH = 100;
const SCHEMA = "node_modules/@repvgg/cli/config.schema.json";
/** What is needed to begin with; the other settings are commented out. */
const EXAMPLES: Readonly<Record<TrainingCommand, Readonly<Record<string, string>>>> = {
  train: { data: "mnist", model: "mnist-student" },
  distill: { data: "mnist", model: "mnist-student", teacher: "runs/mnist-teacher" },
};

/**
 * `repvgg init`: writes a config file that names, explains and defaults every setting.
 *
 * @throws {RepvggError} `E_USAGE`: the name is not one of YAML, or the file exists.
 */
export async function initConfig(file: string, command: TrainingCommand): Promise<CommandResult> {
  if (!/\.ya?ml$/i.test(file)) {
    throw new RepvggError(
      "E_USAGE",
      `${file} must end in .yaml or .yml: the file has comments, which JSON cannot have.`,
    );
  }
  if (await exists(file))
    throw new RepvggError("E_USAGE", `${file} exists already. Choose another name, or remove it.`);
  await writeFileAtomically(file, configText(file, command));
  return {
    value: { file, command },
    text: `${file}: every setting of \`repvgg ${command}\`, commented.\nNext: repvgg ${command} --config ${file}`,
  };
}

/** The file: a line or more for each setting, in the order of `--help`. */
export function configText(file: string, command: TrainingCommand): string {
  const specs: OptionSpecs = SETTINGS[command];
  const head = [
    `# yaml-language-server: $schema=${SCHEMA}`,
    `# Settings of: repvgg ${command} --config ${file}`,
    "# Flags win over this file. Settings that are commented out show their defaults.",
  ];
  const settings = Object.entries(specs).map(([key, spec]) => [
    "",
    ...wrapped(`${flagName(key)}: ${spec.help}${choicesOf(spec)}`),
    setting(key, spec, EXAMPLES[command][key]),
  ]);
  return `${[...head, ...settings.flat()].join("\n")}\n`;
}

const choicesOf = (spec: OptionSpec) => (spec.kind === "choice" ? `; one of ${spec.choices.join(", ")}` : "");

function setting(key: string, spec: OptionSpec, example: string | undefined): string {
  if (example !== undefined) return `${key}: ${example}`;
  if (spec.kind === "flag") return `# ${key}: false`;
  if (!("default" in spec) || spec.default === undefined) return `# ${key}: (default: ${defaultText(spec)})`;
  return `# ${key}: ${spec.default}`;
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < LINE_LENGTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`# ${word}`);
  }
  return lines;
}
