import { resolve } from "node:path";
import { RepvggError } from "@repvgg/core";
import { ADAMW_DEFAULTS, SGD_DEFAULTS } from "@repvgg/distill";
import type { DISTILLATION_OPTIONS } from "../distillation-options.ts";
import { AUTO, flagName, type OptionSpecs, type OptionValues, parseRatePerBatch } from "../option.ts";
import { withDefaults } from "../read-options.ts";
import {
  type DISTILL_SETTINGS,
  type RUN_OPTIONS,
  SETTINGS,
  TRAIN_SETTINGS,
  type TrainingCommand,
} from "../training-options.ts";
import { readConfig } from "./config-file.ts";
import { MNIST } from "./data-source.ts";
import { teacherFiles } from "./plan-teacher.ts";
import { exists } from "./run-folder.ts";
import { AUTO_CACHE } from "./teacher-cache/auto-cache.ts";

type Values = OptionValues<typeof TRAIN_SETTINGS> & OptionValues<typeof DISTILL_SETTINGS>;
type OwnOfOne = "labelSmoothing" | keyof typeof DISTILLATION_OPTIONS;

/** All that decides the result of a training: the defaults, a config file over them, flags over both. */
export type Settings = Omit<Values, OwnOfOne | "lr" | "batchSize"> &
  Partial<Pick<Values, OwnOfOne>> & { readonly lr?: number | undefined; readonly batchSize: number };
/** The same before `--lr 0.1@256` is worked out. */
type Unscaled = Omit<Settings, "lr"> & Pick<Values, "lr">;
/** And before a batch size is chosen. */
type Typed = Omit<Unscaled, "batchSize"> & Pick<Values, "batchSize">;
/** What was typed. */
export type Given = Partial<Typed & OptionValues<typeof RUN_OPTIONS>>;

/**
 * The settings of a new run.
 *
 * @param note Is told what was chosen.
 * @throws {RepvggError} `E_USAGE`: the config file is wrong, or a required setting is missing; `E_MEMORY`: no batch size fits.
 */
export async function newSettings(
  command: TrainingCommand,
  given: Given,
  note: (text: string) => void,
): Promise<Settings> {
  const settings = withDefaults(SETTINGS[command], await givenSettings(command, given)) as Typed;
  const missing = (key: string, why: string): never => {
    throw new RepvggError("E_USAGE", `${flagName(key)} is missing: ${why}`);
  };
  if (settings.data === undefined) missing("data", "it names the images. Give a folder, or `mnist`.");
  if (settings.model === undefined) missing("model", "it names the network. Give a name from `repvgg variants`.");
  if (command === "distill" && settings.teacher === undefined) {
    missing("teacher", "it names the checkpoint to learn from. Train one first, with `repvgg train`.");
  }
  return absolutePaths(withOptimizerDefaults(withScaledRate(await withBatchSize(settings, note), note)));
}

async function withBatchSize(settings: Typed, note: (text: string) => void): Promise<Unscaled> {
  const { batchSize } = settings;
  if (batchSize !== AUTO) return { ...settings, batchSize };
  const { chooseBatchSize } = await import("./batch-size/choose-batch-size.ts");
  const any = withOptimizerDefaults(withScaledRate({ ...settings, batchSize: 1 }, () => {}));
  return { ...settings, batchSize: await chooseBatchSize(await absolutePaths(any), note) };
}

/**
 * `0.1@256` as the rate of a step of this training, which grows with its images.
 *
 * @param note Is told the rate.
 * @see Goyal et al. 2017, §2.1. https://arxiv.org/abs/1706.02677
 */
export function withScaledRate<S extends Pick<Unscaled, "batchSize" | "accumulate"> & Partial<Pick<Unscaled, "lr">>>(
  settings: S,
  note: (text: string) => void,
): Omit<S, "lr"> & { readonly lr: number | undefined } {
  const { lr, batchSize, accumulate } = settings;
  if (typeof lr !== "string") return { ...settings, lr };
  const { rate, images } = parseRatePerBatch(lr, TRAIN_SETTINGS.lr)!;
  const scaled = Number(((rate * batchSize * accumulate) / images).toPrecision(12));
  note(`--lr ${lr}: a learning rate of ${scaled} for ${batchSize * accumulate} images a step`);
  return { ...settings, lr: scaled };
}

/** What a config file says, and flags over it. @throws {RepvggError} `E_USAGE`: the config file is wrong. */
export async function givenSettings(command: TrainingCommand, given: Given): Promise<Partial<Typed>> {
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
export async function absolutePaths<S extends Partial<Typed>>(settings: S): Promise<S> {
  const paths: Record<string, string> = {};
  if (settings.teacher !== undefined) paths.teacher = await absoluteTeacher(settings.teacher);
  const { cacheTeacher } = settings;
  if (cacheTeacher !== undefined && cacheTeacher !== AUTO_CACHE) paths.cacheTeacher = resolve(cacheTeacher);
  for (const key of ["data", "model", "weights", "teacherClasses"] as const) {
    const value = settings[key];
    const isName = key === "data" && value === MNIST;
    if (value !== undefined && !isName && (await exists(value))) paths[key] = resolve(value);
  }
  return { ...settings, ...paths };
}

async function absoluteTeacher(teacher: string): Promise<string> {
  const files = await teacherFiles(teacher);
  return (await Promise.all(files.map(async (file) => ((await exists(file)) ? resolve(file) : file)))).join(",");
}
