import { barChart, escapeHtml, htmlPage, lineChart, percent, type Series } from "@repvgg/report";
import { flagName } from "../option.ts";
import { duration } from "../run/numbers.ts";
import { ranked, type Sweep, type Trial } from "./sweep-folder.ts";
import { describeSettings, searched } from "./sweep-table.ts";

/** From this ratio of the largest to the smallest value on, an axis is logarithmic. */
const LOG_RATIO = 10;

/** Why a trial failed takes several lines. */
const STYLE =
  "th:last-child, td:last-child { text-align: left; white-space: normal; } td:last-child { min-width: 260px; }";

/** One page about a sweep: the trials in a table, and the accuracy over each setting that was searched. */
export function sweepPage(sweep: Sweep): string {
  const { trials, command } = sweep;
  const [best] = ranked(trials).filter(({ best }) => best);
  const lead = best
    ? `Best: trial ${best.trial}, ${describeSettings(best.settings)}, Acc@1 ${percent(best.best!.top1, 2)}`
    : "No trial has finished yet.";
  const charts = searched(trials).map((key) => settingCard(key, trials, best));
  const title = `Sweep of ${trials.length} trials`;
  const body = `<header><p class="eyebrow">repvgg sweep ${command}</p><h1>${title}</h1><p class="lead">${escapeHtml(lead)}</p></header>
<section><h2>Accuracy by setting</h2><p>Acc@1 of the best epoch of each trial on the validation images; the best trial is green.</p>
<div class="two">${charts.join("\n")}</div></section>
<section><h2>Trials</h2><p>The best first.</p>${trialTable(trials)}</section>`;
  return htmlPage({ title, body, style: STYLE });
}

function settingCard(key: string, trials: readonly Trial[], best: Trial | undefined): string {
  const judged = trials.filter((trial) => trial.best !== null);
  const chart =
    judged.length === 0
      ? "<p>Nothing to draw yet.</p>"
      : judged.every(({ settings }) => typeof settings[key] === "number")
        ? scatter(key, judged, best)
        : bars(key, judged);
  return `<div class="card"><h3>${flagName(key)}</h3>${chart}</div>`;
}

/** A point a trial: each a series of its own, so that no line connects them. */
function scatter(key: string, trials: readonly Trial[], best: Trial | undefined): string {
  const series = trials.map(
    (trial): Series => ({
      name: `trial ${trial.trial}`,
      color: trial === best ? "var(--good)" : "var(--distilled)",
      look: "points",
      points: [[trial.settings[key] as number, trial.best!.top1]],
    }),
  );
  const values = trials.map(({ settings }) => settings[key] as number);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const x = { label: flagName(key), log: least > 0 && most / least >= LOG_RATIO };
  const y = { label: "Acc@1", format: (share: number) => percent(share, 1) };
  return lineChart({ title: `Acc@1 by ${flagName(key)}`, series, x, y });
}

/** Of a setting that is no number: the best trial with each value. */
function bars(key: string, trials: readonly Trial[]): string {
  const values = [...new Set(trials.map(({ settings }) => String(settings[key])))];
  const shown = values.map((value) => {
    const own = trials.filter(({ settings }) => String(settings[key]) === value);
    const share = Math.max(...own.map((trial) => trial.best!.top1));
    const note = own.length === 1 ? "" : `best of ${own.length} trials`;
    return { name: value, share, value: percent(share, 2), note };
  });
  return barChart(shown, "var(--distilled)");
}

function trialTable(trials: readonly Trial[]): string {
  const keys = searched(trials);
  const heads = ["trial", ...keys.map(flagName), "Acc@1", "Acc@5", "epoch", "time", "state"];
  const rows = ranked(trials).map(({ trial, settings, best, seconds, state, error }) => {
    const figures = best ? [percent(best.top1, 2), percent(best.top5, 2), String(best.epoch)] : ["", "", ""];
    const why = error === null ? state : `${state}: ${error}`;
    const cells = [...keys.map((key) => String(settings[key])), ...figures, duration(seconds), why];
    const link = `<a href="trial-${trial}/report.html">${trial}</a>`;
    const first = state === "finished" || state === "diverged" ? link : String(trial); // others may have no folder
    return `<tr><th scope="row">${first}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`;
  });
  const head = heads.map((name) => `<th>${name}</th>`).join("");
  return `<div class="card scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}
