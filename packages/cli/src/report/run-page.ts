import { bestEpoch } from "@repvgg/distill";
import { count, duration, escapeHtml, htmlPage, percent } from "@repvgg/report";
import type { RunData } from "./read-run.ts";
import { curvesSection } from "./run-curves.ts";
import { errorSections } from "./run-errors.ts";
import { settingsSection, timeSection } from "./run-settings.ts";
import { RUN_STYLE } from "./run-style.ts";

const REFRESH_SECONDS = 10;
/** A run that has not written for so long may have been killed. */
const SILENCE_MS = 10 * 60_000;

/** The page of one run, whether it goes on or has ended. */
export function runPage(run: RunData, now: Date): string {
  const { command, name, model, settings, status } = run;
  const [what, from] = command === "distill" ? ["Distillation", `, from ${settings.teacher}`] : ["Training", ""];
  const running = status?.state === "running" && !isSilent(run, now);
  const body = `<header><p class="eyebrow">${what}</p><h1>${escapeHtml(name)}</h1>
<p class="lead">${escapeHtml(model)} on ${escapeHtml(`${settings.data}${from}`)}</p>${statusLine(run, now)}</header>
${figures(run)}
${curvesSection(run)}
${errorSections(run)}
${timeSection(run)}
${settingsSection(run)}
<footer>Written by repvgg ${escapeHtml(run.version)} on ${utc(now)}. The figures are in <code>metrics.jsonl</code>, <code>results.csv</code>, <code>validation.json</code> and the event files beside this page.</footer>`;
  return htmlPage({ title: name, body, style: RUN_STYLE, ...(running && { refreshSeconds: REFRESH_SECONDS }) });
}

export const utc = (date: Date) => `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;

function isSilent({ status }: RunData, now: Date): boolean {
  return status !== undefined && now.getTime() - Date.parse(status.updatedAt) > SILENCE_MS;
}

function statusLine(run: RunData, now: Date): string {
  const { status, command, folder } = run;
  if (status === undefined) return "";
  const { state, message, step, totalSteps, epoch, epochs, etaSeconds } = status;
  const place = `step ${count(step)} of ${count(totalSteps)}, epoch ${epoch} of ${epochs}`;
  const resume = `<code>repvgg ${command} --resume ${escapeHtml(folder)}</code> continues it.`;
  const line = (kind: string, text: string) => `<p class="status ${kind}">${text}</p>`;
  switch (state) {
    case "running": {
      if (isSilent(run, now)) {
        return line(
          "failed",
          `Not heard of since ${utc(new Date(status.updatedAt))}, ${place}. If it was killed, ${resume}`,
        );
      }
      const left = etaSeconds === undefined ? "" : `, about ${duration(etaSeconds)} left`;
      return line("running", `Running: ${place}${left}. This page loads itself again.`);
    }
    case "finished":
      return line("finished", epoch < epochs ? `Stopped early after ${epoch} of ${epochs} epochs.` : "Finished.");
    case "stopped":
      return line("stopped", `Stopped: ${place}. ${resume}`);
    case "failed":
      return line("failed", `Failed: ${place}. ${escapeHtml(message ?? "")}`);
  }
}

function figures({ history, status }: RunData): string {
  if (history.length === 0) {
    return `<section><p>No epoch is done yet; the curves begin with the first steps.</p></section>`;
  }
  const best = bestEpoch(history);
  const trained = history.filter(({ split }) => split === "train");
  const seconds = history.reduce((sum, record) => sum + record.seconds, 0);
  const speed = trained.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0) / trained.length;
  const by = best.split === "ema" ? ", average of the weights" : best.split === "train" ? ", on training images" : "";
  const where = status ? `${status.device}, ${status.threads} ${status.threads === 1 ? "thread" : "threads"}` : "";
  const items = [
    ["Acc@1", percent(best.top1, 2), `best, epoch ${best.epoch} of ${status?.epochs ?? trained.length}${by}`],
    ["Acc@5", percent(best.top5, 2), "of the same epoch"],
    ["Loss", best.loss.toPrecision(4), "of the same epoch, cross-entropy"],
    ["Time", duration(seconds), `${count(Math.round(speed))} images/s in training; ${where}`],
  ];
  const list = items.map(
    ([term, value, note]) => `<div><dt>${term}</dt><dd>${value}<small>${escapeHtml(note!)}</small></dd></div>`,
  );
  return `<dl class="figures">${list.join("\n")}</dl>`;
}
