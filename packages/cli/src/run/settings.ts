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
import { exists } from "./run-folder.ts";

type Values = OptionValues<typeof TRAIN_SETTINGS> & OptionValues<typeof DISTILL_SETTINGS>;
type OwnOfOne = "labelSmoothing" | keyof typeof DISTILLATION_OPTIONS;

/** All that decides the result of a training: the defaults, a config file over them, flags over both. */
export type Settings = Omit<Values, OwnOfOne> & Partial<Pick<Values, OwnOfOne>>;
/** What was typed. */
export type Given = Partial<Settings & OptionValues<typeof RUN_OPTIONS>>;

/**
 * The settings of a new run.
 *
 * @throws {RepvggError} `E_USAGE`: the config file is wrong, or a required setting is missing.
 */
export async function newSettings(command: TrainingCommand, given: Given): Promise<Settings> {
  const settings = withDefaults(SETTINGS[command], await givenSettings(command, given)) as Settings;
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

/** What a config file says, and flags over it. @throws {RepvggError} `E_USAGE`: the config file is wrong. */
export async function givenSettings(command: TrainingCommand, given: Given): Promise<Partial<Settings>> {
  const specs: OptionSpecs = SETTINGS[command];
  const fromFile = given.config === undefined ? {} : await readConfig(given.config, specs);
  const flags = Object.fromEntries(Object.entries(given).filter(([key]) => key in specs));
  return { ...fromFile, ...flags };
}

/** What the optimiser's own defaults are, written out. */
function withOptimizerDefaults(settings: Settings): Settings {
  const { learningRate, weightDecay } = settings.optimizer === "adamw" ? ADAMW_DEFAULTS : SGD_DEFAULTS;
  return { ...settings, lr: settings.lr ?? learningRate, weightDecay: settings.weightDecay ?? weightDecay };
}

/** Files and folders by their whole path, so that a run can be continued from anywhere. */
export async function absolutePaths<S extends Partial<Settings>>(settings: S): Promise<S> {
  const paths: Record<string, string> = {};
  for (const key of ["data", "model", "weights", "teacher"] as const) {
    const value = settings[key];
    if (value !== undefined && (await exists(value))) paths[key] = resolve(value);
  }
  return { ...settings, ...paths };
}
