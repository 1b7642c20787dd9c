import { escapeHtml, htmlPage, legend, lineChart } from "@repvgg/report";
import type { ExperimentResult } from "./experiment.ts";

/** All results as one page. */
export function renderPage(results: readonly ExperimentResult[], about: readonly string[]): string {
  const body = `<h1>Knowledge distillation on MNIST, with RepVGG</h1>
${results.map(section).join("\n")}
<footer>${about.map(escapeHtml).join(" · ")}</footer>`;
  return htmlPage({ title: "Knowledge distillation on MNIST, with RepVGG", body });
}

function section({ title, paper, columns, rows, findings, charts }: ExperimentResult): string {
  const cells = (row: readonly string[], tag: "td" | "th") =>
    row.map((cell, i) => `<${tag}${i === 0 ? "" : ' class="n"'}>${escapeHtml(cell.trim())}</${tag}>`).join("");
  const drawn = charts.map((chart) => {
    const named = chart.series.filter(({ look }) => look !== "points");
    return `${legend(named)}<div class="card">${lineChart(chart)}</div>`;
  });
  const found = findings.map(({ claim, holds }) => `<li>${holds ? "✓" : "✗"} ${escapeHtml(claim)}</li>`);
  return `<section><h2>${escapeHtml(title)}</h2><p>${escapeHtml(paper)}</p>
<table><thead><tr>${cells(columns, "th")}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("")}</tbody></table>
<ul>${found.join("")}</ul>${drawn.join("")}</section>`;
}
