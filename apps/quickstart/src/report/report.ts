import { count, duration, escapeHtml, htmlPage, legend, matrixTable, percent, tiny } from "@repvgg/report";
import type { QuickstartResult } from "../result.ts";
import { blockDrawing } from "./block-drawing.ts";
import { errorChart, lossChart, RUN_STYLE } from "./curves.ts";
import { headline } from "./headline.ts";
import { mistakeCard } from "./mistake-card.ts";
import { resultsTable } from "./results-table.ts";
import { speedBars } from "./speed.ts";

/** The digits are white on black: on a light page they are shown as ink on paper. */
const DIGIT_STYLE = `
.mistake img { filter: invert(1); }
@media (prefers-color-scheme: dark) { .mistake img { filter: none; } }
`;

/** The whole report as one HTML file that needs nothing else: no script, no font, no request. */
export function renderReport(result: QuickstartResult): string {
  const body = `${headline(result)}
${[results, curves, confusion, mistakes, fusion, speed, settings].map((part) => part(result)).join("\n")}
<footer>Made by the RepVGG quickstart on ${escapeHtml(result.finishedAt.slice(0, 16).replace("T", " "))} UTC. <code>result.json</code> beside this file holds every figure.</footer>`;
  return htmlPage({ title: "RepVGG on MNIST: train, distil, fuse, prove", body, style: DIGIT_STYLE });
}

function section(title: string, text: string, content: string): string {
  return `<section><h2>${title}</h2><p>${text}</p>${content}</section>`;
}

function results(result: QuickstartResult): string {
  const { alone: first } = result.seeds[0]!;
  const rest = result.seeds.length > 1 ? ` All that follows is about seed ${first.seed}.` : "";
  return section(
    "The trainings",
    `The student sees only ${count(first.trainingImages)} of the images. Alone and distilled, it begins with the same weights and meets the same images in the same order: only what it is told about them differs.${rest}`,
    resultsTable(result),
  );
}

function curves(result: QuickstartResult): string {
  return section(
    "How they learn",
    "Each run over its own length, both axes of values logarithmic. Left: wrong answers, on the training images as a thin line, on the test images as points after each epoch. Right: what each run minimises. The distilled student's loss is another quantity than the other two: mostly its distance from the softened teacher.",
    `${legend(Object.values(RUN_STYLE))}<div class="two"><div class="card">${errorChart(result)}</div><div class="card">${lossChart(result)}</div></div>`,
  );
}

function confusion(result: QuickstartResult): string {
  const { classes, temperature } = result;
  const counts = matrixTable(result.confusion, {
    classes,
    tint: "var(--bad)",
    text: (n) => (n === 0 ? "" : count(n)),
    rows: "the digit",
    columns: "what the student says",
  });
  const soft = matrixTable(result.darkKnowledge, {
    classes,
    tint: "var(--distilled)",
    text: (p) => (p < 0.005 ? "" : (100 * p).toFixed(0)),
    rows: "the digit",
    columns: "mean probability, %",
  });
  return section(
    "What it confuses, and what it was told",
    `Left: the answers of the distilled student to the ${count(result.testImages)} test images. Right: how the teacher sees each digit on average once its answers are softened (T = ${temperature}). That a 4 resembles a 9 more than a 0 is in no label; the student learns it from here.`,
    `<div class="two"><div class="card"><h3>Confusion matrix</h3>${counts}</div><div class="card"><h3>The teacher's dark knowledge</h3>${soft}</div></div>`,
  );
}

function mistakes(result: QuickstartResult): string {
  if (result.mistakes.length === 0) return section("Its worst mistakes", "The student made none.", "");
  const cards = result.mistakes.map((mistake) => mistakeCard(mistake, result.classes, result.temperature));
  return section(
    "Its worst mistakes",
    `The test images whose true class gets the lowest probability from the distilled student. <span style="color:var(--good)">Green</span> is the truth, <span style="color:var(--bad)">red</span> what the student says. Softened, the teacher's answer shows which other digits it sees in the image.`,
    `<div class="mistakes">${cards.join("\n")}</div>`,
  );
}

function fusion(result: QuickstartResult): string {
  const { block, proof } = result;
  return section(
    "One block, before and after fusion",
    `Block <code>${escapeHtml(block.name)}</code> of the ${escapeHtml(block.network)}. A 1×1 convolution is a 3×3 one with zeros around it, the identity too; batch normalisation with fixed statistics is a scale and a shift. So all three branches add up to one 3×3 convolution.`,
    `${blockDrawing(block)}<p class="note"><b>The proof.</b> Both forms of the distilled student ran on all ${count(proof.images)} test images. Largest difference of a logit: ${tiny(proof.maxAbsoluteError)}, which is ${tiny(proof.maxRelativeError)} of the largest logit. Same class: ${percent(proof.agreement, 2)}. Errors: ${count(proof.trainErrors)} in train form, ${count(proof.deployErrors)} in deploy form.</p>`,
  );
}

function speed(result: QuickstartResult): string {
  return section(
    "Speed of both forms",
    `One image at a time (batch 1) on one thread: networks this small gain nothing from more. Bars: the median of ${count(result.latency.student.deploy.runs)} calls; lines and small figures: from the 10th to the 90th percentile.`,
    `<div class="card">${speedBars(result)}</div>`,
  );
}

function settings(result: QuickstartResult): string {
  const { machine } = result;
  const list = (entries: readonly (readonly [string, string])[]) =>
    `<dl class="settings">${entries.map(([label, value]) => `<dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd>`).join("")}</dl>`;
  const here: [string, string][] = [
    ["processor", `${machine.cpu}, ${machine.cores} ${machine.cores === 1 ? "core" : "cores"} used by Node`],
    ["system", machine.platform],
    ["Node", machine.node],
    ["device", machine.device],
    ["threads", String(machine.threads)],
    ["duration", duration(result.seconds)],
    ["files", result.files.join(", ")],
  ];
  return `<section><h2>Settings and machine</h2><div class="two" style="margin-top:14px"><div class="card">${list(result.settings)}</div><div class="card">${list(here)}</div></div></section>`;
}
