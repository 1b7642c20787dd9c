import { bestEpoch } from "@repvgg/distill";
import { count, duration, escapeHtml, htmlPage, legend, percent, type Series, shortPercent } from "@repvgg/report";
import { flagName } from "../option.ts";
import type { RunData } from "./read-run.ts";
import { byEpoch, card, lookOf, overEpochs } from "./run-curves.ts";
import { section } from "./run-errors.ts";
import { utc } from "./run-page.ts";
import { RUN_STYLE } from "./run-style.ts";

/** Readable on light and on dark pages; further runs begin anew. */
const COLORS = ["#1f77d0", "#d97706", "#0b8f60", "#d6455a", "#8b5cf6", "#0891b2", "#c0348a", "#6b9e16"];

/** A run with the name and the colour that it has everywhere in the page. */
interface Shown extends RunData {
  readonly title: string;
  readonly color: string;
}

/** One page about several runs: a table, their curves over each other, and the settings in which they differ. */
export function comparisonPage(runs: readonly RunData[], now: Date): string {
  const names = runs.map(({ name }) => name);
  const shown = runs.map((run, i): Shown => {
    const title = names.indexOf(run.name) === names.lastIndexOf(run.name) ? run.name : run.folder;
    return { ...run, title, color: COLORS[i % COLORS.length]! };
  });
  const title = `${runs.length} runs`;
  const body = `<header><p class="eyebrow">Comparison</p><h1>${title}</h1></header>
${section("Results", "By the best epoch on the validation images; the best run first.", results(shown))}
${section("How they learn", "Over epochs. Training losses of different objectives are different quantities.", curves(shown))}
${section("Settings that differ", "", differences(shown))}
<footer>Written by repvgg on ${utc(now)}.</footer>`;
  return htmlPage({ title: names.join(", "), body, style: RUN_STYLE });
}

const bestOf = ({ history }: RunData) => (history.length === 0 ? undefined : bestEpoch(history));

function results(runs: readonly Shown[]): string {
  const order = [...runs].sort((a, b) => (bestOf(b)?.top1 ?? -1) - (bestOf(a)?.top1 ?? -1));
  const rows = order.map((run) => {
    const { title, color, model, history, status } = run;
    const best = bestOf(run);
    const seconds = history.reduce((sum, record) => sum + record.seconds, 0);
    const done = history.filter(({ split }) => split === "train");
    const speed = done.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0) / done.length;
    const figures = best
      ? [percent(best.top1, 2), percent(best.top5, 2), best.loss.toPrecision(4), String(best.epoch)]
      : ["none", "none", "none", "none"];
    const cells = [
      escapeHtml(model),
      ...figures,
      `${done.length}${status ? ` of ${status.epochs}` : ""}`,
      status?.state ?? "unknown",
      duration(seconds),
      done.length === 0 ? "none" : count(Math.round(speed)),
    ];
    const name = `<span class="dot" style="color:${color}"></span>${escapeHtml(title)}`;
    return `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  const heads = ["run", "network", "Acc@1", "Acc@5", "loss", "best epoch", "epochs", "state", "time", "images/s"];
  const head = heads.map((name) => `<th>${name}</th>`).join("");
  return `<div class="card scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function curves(runs: readonly Shown[]): string {
  const all = (points: (run: Shown) => Series["points"], marks = true): Series[] =>
    runs.map((run) => {
      const own = points(run);
      return { name: run.title, color: run.color, points: own, ...(marks && { look: lookOf(own) }) };
    });
  const judged = (run: Shown) => (run.history.some(({ split }) => split === "val") ? "val" : "train");
  const charts = [
    card(
      "Acc@1, validation",
      all((run) => byEpoch(run.history, judged(run), ({ top1 }) => top1)),
      {
        format: shortPercent,
        named: false,
      },
    ),
    card(
      "Loss, validation",
      all((run) => byEpoch(run.history, judged(run), ({ loss }) => loss)),
      {
        log: true,
        named: false,
      },
    ),
    card(
      "Loss, training",
      all((run) => overEpochs(run, "step/loss"), false),
      { log: true, named: false },
    ),
    card(
      "Learning rate",
      all((run) => overEpochs(run, "step/learningRate"), false),
      { min: 0, named: false },
    ),
  ];
  const names = legend(runs.map(({ title, color }) => ({ name: title, color })));
  return `${names}<div class="two">${charts.join("\n")}</div>`;
}

function differences(runs: readonly Shown[]): string {
  const told = ({ settings }: RunData, key: string) => {
    const value = settings[key];
    return value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  };
  const keys = [...new Set(runs.flatMap(({ settings }) => Object.keys(settings)))];
  const different = keys.filter((key) => new Set(runs.map((run) => told(run, key))).size > 1);
  if (different.length === 0) return `<div class="card">None: all settings are the same.</div>`;
  const head = runs.map(({ title }) => `<th>${escapeHtml(title)}</th>`).join("");
  const rows = different.map((key) => {
    const cells = runs.map((run) => `<td>${escapeHtml(told(run, key))}</td>`).join("");
    return `<tr><th scope="row">${flagName(key)}</th>${cells}</tr>`;
  });
  return `<div class="card scroll"><table><thead><tr><th>setting</th>${head}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}
