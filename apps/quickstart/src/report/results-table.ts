import { count, duration, millions, percent } from "@repvgg/report";
import { compareStudents } from "../comparison.ts";
import type { NetworkCost, QuickstartResult, TrainingRecord } from "../result.ts";
import { RUN_STYLE } from "./curves.ts";

/** Every training of the run, and what its network costs in both forms. */
export function resultsTable(result: QuickstartResult): string {
  const { teacher, seeds, costs } = result;
  const rows = [
    row(result, teacher, costs.teacher, ""),
    ...seeds.flatMap(({ alone, distilled }, i) => [
      row(result, alone, costs.student, ""),
      row(result, distilled, costs.student, change(compareStudents(result).reductions[i]!)),
    ]),
  ];
  return `<div class="card scroll"><table>
<thead><tr><th>network</th><th>seed</th><th>errors of ${count(result.testImages)}</th><th></th><th>error rate</th><th>parameters<br>train form</th><th>parameters<br>deploy form</th><th>multiplications<br>deploy form</th><th>training<br>images</th><th>training<br>time</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>`;
}

function row(result: QuickstartResult, run: TrainingRecord, cost: NetworkCost, note: string): string {
  const { name: label, color } = RUN_STYLE[run.name];
  const cells = [
    String(run.seed),
    `<b>${count(run.errors)}</b>`,
    note,
    percent(run.errors / result.testImages, 2),
    count(cost.train.params),
    count(cost.deploy.params),
    millions(cost.deploy.macs),
    count(run.trainingImages),
    duration(run.seconds),
  ];
  const name = `<span class="dot" style="color:${color}"></span>${label}`;
  return `<tr><th scope="row">${name}</th>${cells.map((text) => `<td>${text}</td>`).join("")}</tr>`;
}

function change(reduction: number): string {
  const kind = reduction > 0 ? "better" : reduction < 0 ? "worse" : "";
  return `<span class="${kind}">${reduction < 0 ? "+" : "−"}${percent(Math.abs(reduction))}</span>`;
}
