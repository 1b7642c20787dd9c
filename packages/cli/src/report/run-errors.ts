import { barChart, count, escapeHtml, matrixTable, percent, reliabilityDiagram } from "@repvgg/report";
import type { RunData } from "./read-run.ts";
import type { MistakenImage, ValidationDetails } from "./validation-details.ts";

/** Of more classes than this, the matrix shows those that are confused most. */
const MOST_MATRIX_CLASSES = 20;
/** A matrix of no more classes than this leaves place beside it. */
const BESIDE = 12;
const PAIRS = 10;
/** Classes with the lowest accuracy that are drawn; a table has all of them. */
const WORST_CLASSES = 12;

/** What the best weights get wrong: confusions, classes, calibration, single images. */
export function errorSections({ validation, status }: RunData): string {
  if (validation === undefined) return "";
  const { epoch, split, support } = validation;
  const who = split === "ema" ? `the average of the weights after epoch ${epoch}` : `the weights of epoch ${epoch}`;
  const images = count(support.reduce((sum, n) => sum + n, 0));
  return [
    section(
      "What it confuses",
      `Answers of ${who}, the best${status?.state === "running" ? " so far" : ""}, to the ${images} validation images.`,
      confusion(validation),
    ),
    classSection(validation),
    calibrationSection(validation),
    mistakeSection(validation),
  ].join("\n");
}

export function section(title: string, text: string, content: string): string {
  return `<section><h2>${title}</h2>${text === "" ? "" : `<p>${text}</p>`}${content}</section>`;
}

function confusion(details: ValidationDetails): string {
  if (details.confused.length === 0) return `<div class="card">Nothing: every answer is right.</div>`;
  return `<div class="${details.classes.length > BESIDE ? "stack" : "two uneven"}"><div class="card scroll">${matrix(details)}</div><div class="card"><h3>Most confused</h3>${pairs(details)}</div></div>`;
}

function matrix(details: ValidationDetails): string {
  const { classes, right, confused } = details;
  const shown = matrixClasses(details);
  const place = new Map(shown.map((index, i) => [index, i]));
  const values = shown.map((index) => shown.map((other) => (index === other ? right[index]! : 0)));
  for (const { label, predicted, count: times } of confused) {
    const [row, column] = [place.get(label), place.get(predicted)];
    if (row !== undefined && column !== undefined) values[row]![column] = times;
  }
  const names = shown.map((index) => classes[index]!);
  const table = matrixTable(values, {
    classes: names,
    tint: "var(--bad)",
    text: (n) => (n === 0 ? "" : count(n)),
    rows: "the class",
    columns: "what it says",
  });
  const long = names.some((name) => name.length > 2) ? "long-names" : "";
  const part =
    shown.length < classes.length
      ? `<p class="note">The ${shown.length} of ${count(classes.length)} classes that are confused most.</p>`
      : "";
  return `<h3>Confusion matrix</h3><div class="${long}" style="--classes:${shown.length}">${table}</div>${part}`;
}

/** All classes, or those of the pairs that are confused most, in their order. */
function matrixClasses({ classes, confused }: ValidationDetails): number[] {
  if (classes.length <= MOST_MATRIX_CLASSES) return classes.map((_, index) => index);
  const shown = new Set<number>();
  for (const { label, predicted } of confused) {
    if (new Set([...shown, label, predicted]).size <= MOST_MATRIX_CLASSES) shown.add(label).add(predicted);
  }
  return [...shown].sort((a, b) => a - b);
}

function pairs({ classes, support, confused }: ValidationDetails): string {
  const rows = confused.slice(0, PAIRS).map(({ label, predicted, count: n }) => {
    const name = `${escapeHtml(classes[label]!)} → ${escapeHtml(classes[predicted]!)}`;
    return `<tr><th scope="row">${name}</th><td>${count(n)}</td><td>${percent(n / support[label]!)}</td></tr>`;
  });
  const head = `<tr><th>class → answer</th><th>images</th><th>of the class</th></tr>`;
  return `<div class="scroll"><table class="names"><thead>${head}</thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function classSection({ classes, support, right, predicted }: ValidationDetails): string {
  const order = classes.map((_, index) => index).filter((index) => support[index]! > 0);
  order.sort((a, b) => right[a]! / support[a]! - right[b]! / support[b]!);
  const worst = order.slice(0, WORST_CLASSES).map((index) => ({
    name: classes[index]!,
    share: right[index]! / support[index]!,
    value: percent(right[index]! / support[index]!),
    note: `${count(right[index]!)} of ${count(support[index]!)}`,
  }));
  const rows = classes.map((name, index) => {
    const rate = (part: number, of: number) => (of === 0 ? "none" : percent(part / of));
    const figures = [
      count(support[index]!),
      rate(right[index]!, support[index]!),
      rate(right[index]!, predicted[index]!),
    ];
    return `<tr><th scope="row">${escapeHtml(name)}</th>${figures.map((figure) => `<td>${figure}</td>`).join("")}</tr>`;
  });
  const head = "<tr><th>class</th><th>images</th><th>accuracy (recall)</th><th>precision</th></tr>";
  const table = `<div class="scroll"><table class="names"><thead>${head}</thead><tbody>${rows.join("\n")}</tbody></table></div>`;
  const text = order.length > worst.length ? `The ${worst.length} lowest of ${count(order.length)}.` : "Lowest first.";
  const all = `<details><summary>All ${count(classes.length)} classes</summary>${table}</details>`;
  return section("Accuracy by class", text, `<div class="card">${barChart(worst, "var(--distilled)")}${all}</div>`);
}

function calibrationSection({ calibration: { error, bins } }: ValidationDetails): string {
  const summary =
    error === null
      ? "Some answers were not finite: there is no calibration error."
      : `Expected calibration error: ${percent(error, 2)}, the mean distance of confidence and accuracy over ${bins.length} bins.`;
  const text = `How often it is right when it is so sure. On the diagonal confidence and accuracy agree; red is the gap. ${summary}`;
  return section("Calibration", text, `<div class="card calibration">${reliabilityDiagram(bins)}</div>`);
}

function mistakeSection({ classes, mistakes }: ValidationDetails): string {
  if (mistakes.length === 0) return section("Worst mistakes", "There are none.", "");
  const cards = mistakes.map((mistake) => mistakeCard(mistake, classes));
  const text = "The validation images whose true class got the lowest probability.";
  return section("Worst mistakes", text, `<div class="mistakes">${cards.join("\n")}</div>`);
}

function mistakeCard(mistake: MistakenImage, classes: readonly string[]): string {
  const { index, label, predicted, labelProbability, predictedProbability, png } = mistake;
  const [truth, answer] = [escapeHtml(classes[label]!), escapeHtml(classes[predicted]!)];
  const image = `<img src="data:image/png;base64,${escapeHtml(png)}" alt="image ${index}: ${truth}" width="84" height="84">`;
  return `<article class="card mistake"><div class="head"><div class="digit">${image}</div>
<div class="what"><b>${truth}</b> ${percent(labelProbability)}<br>says <b class="worse">${answer}</b> ${percent(predictedProbability)}<br>image ${count(index)}</div></div></article>`;
}
