import { flagName } from "../option.ts";
import { duration, percent } from "../run/numbers.ts";
import { type Column, table } from "../run/table.ts";
import type { TrialSettings } from "./draw-trials.ts";
import { settingName } from "./search-space.ts";
import { ranked, type Sweep, sweepFiles, type Trial } from "./sweep-folder.ts";

/** `--lr 0.1 --momentum 0.9`. */
export function describeSettings(settings: TrialSettings): string {
  return Object.entries(settings)
    .map(([key, value]) => `${flagName(key)} ${value}`)
    .join(" ");
}

/** One line a trial, the best first; below it what went wrong. */
export function sweepTable({ trials }: Sweep): string {
  const keys = searched(trials);
  const columns: Column[] = [
    ...["trial", ...keys.map(settingName), "Acc@1", "Acc@5", "epoch", "time"].map((title) => ({ title })),
    { title: "state", align: "left" },
  ];
  const rows = ranked(trials).map(({ trial, settings, best, seconds, state }) => [
    String(trial),
    ...keys.map((key) => String(settings[key])),
    ...(best ? [percent(best.top1, 3), percent(best.top5, 3), String(best.epoch)] : ["", "", ""]),
    state === "waiting" ? "" : duration(seconds),
    state,
  ]);
  const errors = trials.filter(({ error }) => error !== null).map(({ trial, error }) => `Trial ${trial}: ${error}`);
  return [table(columns, rows), ...(errors.length > 0 ? ["", ...errors] : [])].join("\n");
}

/** The same for other programs: rates as fractions, a header, RFC 4180's quotes. */
export function sweepCsv({ trials }: Sweep): string {
  const keys = searched(trials);
  const header = ["trial", ...keys, "top1", "top5", "epoch", "seconds", "state", "error"];
  const rows = ranked(trials).map(({ trial, settings, best, seconds, state, error }) => [
    trial,
    ...keys.map((key) => settings[key]),
    ...[best?.top1, best?.top5, best?.epoch, seconds, state, error],
  ]);
  return [header, ...rows].map((row) => `${row.map(csvField).join(",")}\n`).join("");
}

/** The same for `--json`. */
export function sweepValue(folder: string, { trials }: Sweep): object[] {
  return ranked(trials).map(({ trial, settings, epochs, best, seconds, error }) => {
    return { trial, settings, run: sweepFiles(folder).trial(trial), epochs, best, seconds, error };
  });
}

/** All trials have the same. */
export function searched(trials: readonly Trial[]): string[] {
  return Object.keys(trials[0]?.settings ?? {});
}

function csvField(value: unknown): string {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
