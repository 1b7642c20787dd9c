import { barChart, duration, escapeHtml, percent } from "@repvgg/report";
import { flagName, type OptionSpecs } from "../option.ts";
import { withDefaults } from "../read-options.ts";
import { SETTINGS } from "../training-options.ts";
import type { RunData } from "./read-run.ts";
import { section } from "./run-errors.ts";

/** Where the time went. */
export function timeSection({ history }: RunData): string {
  const secondsOf = (...splits: string[]) =>
    history.filter(({ split }) => splits.includes(split)).reduce((sum, { seconds }) => sum + seconds, 0);
  const waited = history.reduce((sum, { dataSeconds = 0 }) => sum + dataSeconds, 0);
  const parts = [
    { name: "training", seconds: secondsOf("train") - waited },
    { name: "waiting for images", seconds: waited },
    { name: "validation", seconds: secondsOf("val", "ema") },
  ];
  const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
  if (total === 0) return "";
  const bars = parts.map(({ name, seconds }) => ({
    name,
    share: seconds / total,
    value: duration(seconds),
    note: percent(seconds / total, 0),
  }));
  const epochs = history.filter(({ split }) => split === "train").length;
  const text = `${duration(total)} for ${epochs} ${epochs === 1 ? "epoch" : "epochs"}, loading included: ${duration(total / epochs)} each.`;
  return section("Time", text, `<div class="card">${barChart(bars, "var(--teacher)")}</div>`);
}

/** The settings that are not the defaults, then all. */
export function settingsSection({ command, settings, folder }: RunData): string {
  const specs: OptionSpecs = SETTINGS[command];
  const defaults: Record<string, unknown> = withDefaults(specs, {});
  const all = Object.entries(settings);
  const chosen = all.filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[key]));
  const again = `repvgg ${command} --config ${escapeHtml(folder)}/config.json`;
  const text = `What differs from the defaults. <code>${again}</code> trains with the same settings again.`;
  const details = `<details><summary>All ${all.length} settings</summary>${list(all)}</details>`;
  return section("Configuration", text, `<div class="card">${list(chosen)}${details}</div>`);
}

function list(settings: readonly (readonly [key: string, value: unknown])[]): string {
  const items = settings.map(([key, value]) => {
    const shown = typeof value === "string" ? value : JSON.stringify(value);
    return `<dt>${escapeHtml(flagName(key))}</dt><dd>${escapeHtml(shown)}</dd>`;
  });
  return `<dl class="settings">${items.join("\n")}</dl>`;
}
