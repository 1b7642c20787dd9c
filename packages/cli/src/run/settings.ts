import { resolve } from "node:path";
import { RepvggError } from "@repvgg/core";
import { ADAMW_DEFAULTS, SGD_DEFAULTS } from "@repvgg/distill";
import type { DISTILLATION_OPTIONS } from "../distillation-options.ts";
import { flagName, type OptionSpecs, type OptionValues } from "../option.ts";
import { withDefaults } from "../read-options.ts";
import {
  type DISTILL_SETTINGS,
  type RUN_OPTIONS,
  SETTINGS,
  type TRAIN_SETTINGS,
  type TrainingCommand,
} from "../training-options.ts";
import { readConfig } from "./config-file.ts";
import { exists, readRunConfig } from "./run-folder.ts";

type Values = OptionValues<typeof TRAIN_SETTINGS> & OptionValues<typeof DISTILL_SETTINGS>;
type OwnOfOne = "labelSmoothing" | keyof typeof DISTILLATION_OPTIONS;

/** All that decides the result of a training: the defaults, a config file over them, flags over both. */
export type Settings = Omit<Values, OwnOfOne> & Partial<Pick<Values, OwnOfOne>>;
/** What was typed. */
export type Given = Partial<Settings & OptionValues<typeof RUN_OPTIONS>>;

/** They change how long a run takes, not what comes out (but for bad images); a resumed run may be given others. */
const FREE = new Set<string>(["device", "threads", "noWide", "saveEvery", "workers", "cache", "onBadImage"]);

/**
 * The settings of a new run.
 *
 * @throws {RepvggError} `E_USAGE`: the config file is wrong, or a required setting is missing.
 */
export async function newSettings(command: TrainingCommand, given: Given): Promise<Settings> {
  const specs: OptionSpecs = SETTINGS[command];
  const fromFile = given.config === undefined ? {} : await readConfig(given.config, specs);
  const flags = Object.fromEntries(Object.entries(given).filter(([key]) => key in specs));
  const settings = withDefaults(specs, { ...fromFile, ...flags }) as Settings;
  const missing = (key: string, why: string): never => {
    throw new RepvggError("E_USAGE", `${flagName(key)} is missing: ${why}`);
  };
  if (settings.data === undefined) missing("data", "it names the images. Give a folder, or `mnist`.");
  if (settings.model === undefined) missing("model", "it names the network. Give a name from `repvgg variants`.");
  if (command === "distill" && settings.teacher === undefined) {
    missing("teacher", "it names the checkpoint to learn from. Train one first, with `repvgg train`.");
  }
  return absolutePaths(withOptimizerDefaults(settings));
}

/** What the optimiser's own defaults are, written out. */
function withOptimizerDefaults(settings: Settings): Settings {
  const { learningRate, weightDecay } = settings.optimizer === "adamw" ? ADAMW_DEFAULTS : SGD_DEFAULTS;
  return { ...settings, lr: settings.lr ?? learningRate, weightDecay: settings.weightDecay ?? weightDecay };
}

/**
 * The settings of a run that is to be continued: its own. Only what does not change the result may be given anew.
 *
 * @throws {RepvggError} `E_USAGE`: the folder is no run of this command, or a flag contradicts it.
 */
export async function resumedSettings(command: TrainingCommand, folder: string, given: Given): Promise<Settings> {
  const { run, ...saved } = await readRunConfig(folder);
  const of = (run as { command?: string } | undefined)?.command;
  if (of !== command) {
    throw new RepvggError("E_USAGE", `${folder} is a run of \`repvgg ${of}\`: continue it with that command.`);
  }
  const specs: OptionSpecs = SETTINGS[command];
  const settings = withDefaults(specs, saved as Partial<Settings>) as Settings;
  const flags = await absolutePaths(
    Object.fromEntries(Object.entries(given).filter(([key]) => key in specs)) as Partial<Settings>,
  );
  for (const [key, value] of Object.entries(flags)) {
    const before = settings[key as keyof Settings];
    if (FREE.has(key) || value === before) continue;
    throw new RepvggError(
      "E_USAGE",
      `${flagName(key)} ${value} contradicts the run, which has ${before}. Leave it out, or start a new run with --weights.`,
    );
  }
  return { ...settings, ...flags };
}

/** Files and folders by their whole path, so that a run can be continued from anywhere. */
async function absolutePaths<S extends Partial<Settings>>(settings: S): Promise<S> {
  const paths: Record<string, string> = {};
  for (const key of ["data", "model", "weights", "teacher"] as const) {
    const value = settings[key];
    if (value !== undefined && (await exists(value))) paths[key] = resolve(value);
  }
  return { ...settings, ...paths };
}
