import { RepvggError } from "@repvgg/core";
import { AUTO, flagName } from "../option.ts";
import { withDefaults } from "../read-options.ts";
import { SETTINGS, type TrainingCommand } from "../training-options.ts";
import type { DataFingerprint } from "./data-fingerprint.ts";
import { readRunConfig } from "./run-folder.ts";
import { absolutePaths, type Given, givenSettings, type Settings, withScaledRate } from "./settings.ts";

/** They change how long a run takes or what it keeps, not what comes out (but for bad images); a resumed run may be given others. */
const FREE = new Set<string>([
  "device",
  "threads",
  "noWide",
  "checkpointing",
  "saveEvery",
  "keep",
  "workers",
  "cache",
  "onBadImage",
]);
/** They decide which weights there are, or were used before the first step. */
const FIXED = new Set<string>(["model", "strides", "numClasses", "weights", "emaWeights"]);

/**
 * Where the data and the teacher's answers lie may change: whether they are the same is seen by themselves. Whether answers are kept
 * may not, since these are rounded.
 */
function isOtherPlace(key: string, before: unknown, after: unknown): boolean {
  return key === "data" || (key === "cacheTeacher" && before !== undefined && after !== undefined);
}

/** One setting that is another than the run's. */
export interface Change {
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** What a resumed training trains with. */
export interface ResumedSettings {
  readonly settings: Settings;
  /** What the run was trained with until now. */
  readonly before: Settings;
  /** What `--force` accepted. */
  readonly changes: readonly Change[];
  /** What `config.json` says about the run itself. */
  readonly run: RunFacts;
}

/** What a run wrote about itself. */
export interface RunFacts {
  readonly command?: string;
  readonly data?: { readonly train: DataFingerprint; readonly val: DataFingerprint };
}

/**
 * The settings of a run that is to be continued: its own, and those that are given anew.
 *
 * @throws {RepvggError} `E_USAGE`: the folder is no run of this command; settings change the result and `--force` does not accept
 *   that; or they can never change.
 */
export async function resumedSettings(
  command: TrainingCommand,
  folder: string,
  given: Given,
  note: (text: string) => void,
): Promise<ResumedSettings> {
  const { run = {}, ...saved } = (await readRunConfig(folder)) as { run?: RunFacts };
  if (run.command !== command) {
    throw new RepvggError("E_USAGE", `${folder} is a run of \`repvgg ${run.command}\`: continue it with that command.`);
  }
  const before = withDefaults(SETTINGS[command], saved as Partial<Settings>) as Settings;
  const { batchSize, ...rest } = await absolutePaths(await givenSettings(command, given));
  const typed = { ...rest, ...(batchSize !== undefined && batchSize !== AUTO && { batchSize }) }; // auto: what it chose then
  const { lr } = withScaledRate({ ...before, ...typed }, note);
  const others = { ...typed, ...("lr" in typed && { lr }) } as Partial<Settings>;
  const changes = Object.entries(others)
    .map(([key, after]) => ({ key, before: before[key as keyof Settings], after }))
    .filter(({ key, before, after }) => !FREE.has(key) && !isOtherPlace(key, before, after) && after !== before);
  const never = changes.filter(({ key }) => FIXED.has(key));
  if (never.length > 0) {
    throw new RepvggError(
      "E_USAGE",
      `${folder} cannot be continued with ${listOf(never)}. Leave it out, or start a new run from its weights: --weights ${folder}.`,
    );
  }
  if (changes.length > 0 && !given.force) {
    throw new RepvggError(
      "E_USAGE",
      `${folder} was trained with other settings: ${listOf(changes)}. Leave them out, accept the changes with --force, or start ` +
        `a new run from its weights: --weights ${folder}.`,
    );
  }
  return { settings: { ...before, ...others }, before, changes, run };
}

/** `--lr 0.1 -> 0.5, --epochs 3 -> 5`. */
export function listOf(changes: readonly Change[]): string {
  const text = (value: unknown) => (value === undefined ? "none" : String(value));
  return changes.map(({ key, before, after }) => `${flagName(key)} ${text(before)} -> ${text(after)}`).join(", ");
}

/**
 * Whether the images are those that the run was trained with.
 *
 * @throws {RepvggError} `E_DATA`: they are others.
 */
export function checkSameData(folder: string, before: RunFacts["data"], now: NonNullable<RunFacts["data"]>): void {
  for (const [part, what] of [
    ["train", "training"],
    ["val", "validation"],
  ] as const) {
    const [old, current] = [before?.[part], now[part]];
    if (old === undefined || old.sha256 === current.sha256) continue;
    const how =
      old.images === current.images
        ? `there are ${current.images} as before, but with other names, labels or content`
        : `there were ${old.images}, now there are ${current.images}`;
    throw new RepvggError(
      "E_DATA",
      `The ${what} images are not those that ${folder} was trained with: ${how}. Give the same --data, accept the others with ` +
        `--force, or start a new run from its weights: --weights ${folder}.`,
    );
  }
}
