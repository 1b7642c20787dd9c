import { escapeHtml, percent } from "@repvgg/report";
import { encodePng, pngDataUri } from "@repvgg/report/node";
import type { Mistake } from "../result.ts";

const WIDTH = 220;
const ROW_HEIGHT = 40;
const ROW_GAP = 17;

/** A mistaken image, enlarged, over the probabilities that the student and the teacher give each class. */
export function mistakeCard(mistake: Mistake, classes: readonly string[], temperature: number): string {
  const name = (index: number) => escapeHtml(classes[index]!);
  const rows: [string, readonly number[]][] = [
    ["student", mistake.student],
    ["teacher", mistake.teacher],
    [`teacher, softened (T = ${temperature})`, mistake.teacherSoft],
  ];
  const height = rows.length * (ROW_HEIGHT + ROW_GAP) + 14;
  const charts = rows.map(([label, values], i) => probabilityRow(label, values, mistake, i * (ROW_HEIGHT + ROW_GAP)));
  const step = WIDTH / classes.length;
  const axis = classes.map((_, c) => {
    const color = c === mistake.label ? "var(--good)" : c === mistake.predicted ? "var(--bad)" : "var(--muted)";
    const weight = c === mistake.label || c === mistake.predicted ? 700 : 400;
    return `<text x="${((c + 0.5) * step).toFixed(1)}" y="${height - 2}" font-size="11" font-weight="${weight}" text-anchor="middle" fill="${color}">${name(c)}</text>`;
  });
  const truth = `${classes[mistake.label]!.startsWith("8") ? "an" : "a"} ${name(mistake.label)}`;
  const opinion = (who: string, values: readonly number[]) =>
    `<br>P(${name(mistake.label)}) ${who} ${percent(values[mistake.label]!, 0)}`;
  return `<article class="card mistake">
<div class="head"><div class="digit"><img src="${pngDataUri(encodePng(mistake.pixels, mistake.size))}" alt="test image ${mistake.index}, ${truth}" width="84" height="84"></div>
<div class="what"><b>${truth}</b>, it says <b style="color:var(--bad)">${name(mistake.predicted)}</b>${opinion("student", mistake.student)}${opinion("teacher", mistake.teacher)}</div></div>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="probabilities by class">${charts.join("")}${axis.join("")}</svg>
</article>`;
}

function probabilityRow(label: string, values: readonly number[], mistake: Mistake, top: number): string {
  const step = WIDTH / values.length;
  const bottom = top + ROW_GAP + ROW_HEIGHT - 4;
  const bars = values.map((value, c) => {
    const height = Math.max(0.75, value * (ROW_HEIGHT - 4));
    const color = c === mistake.label ? "var(--good)" : c === mistake.predicted ? "var(--bad)" : "var(--muted)";
    return `<rect x="${(c * step + 3).toFixed(1)}" y="${(bottom - height).toFixed(2)}" width="${(step - 6).toFixed(1)}" height="${height.toFixed(2)}" rx="1.5" fill="${color}"/>`;
  });
  return `<text x="0" y="${top + 11}" font-size="11" fill="var(--muted)">${label}</text>${bars.join("")}<line x1="0" x2="${WIDTH}" y1="${bottom}" y2="${bottom}" stroke="var(--line)"/>`;
}
