import { count, milliseconds, percent, tiny } from "@repvgg/report";
import { compareStudents } from "./comparison.ts";
import type { FormLatency, NetworkCost, QuickstartResult, TrainingRecord } from "./result.ts";

type Cells = readonly string[];

/** The result as text for a terminal: one table, then what it says. */
export function resultTable(result: QuickstartResult): string {
  const { teacher, seeds, costs, latency, proof, testImages } = result;
  const several = seeds.length > 1;
  const { reduction, reductions } = compareStudents(result);
  const row = (
    name: string,
    run: TrainingRecord,
    cost: NetworkCost,
    times: FormLatency | undefined,
    change = "",
  ): Cells => [
    several && run.name !== "teacher" ? `${name}, seed ${run.seed}` : name,
    count(run.errors),
    percent(run.errors / testImages, 2),
    change,
    count(cost.train.params),
    count(cost.deploy.params),
    times ? milliseconds(times.train.medianMs) : "",
    times ? milliseconds(times.deploy.medianMs) : "",
  ];
  const rows: Cells[] = [
    ["", `errors of ${count(testImages)}`, "rate", "", "parameters", "fused", "latency", "fused"],
    row("teacher", teacher, costs.teacher, latency.teacher),
    ...seeds.flatMap(({ alone, distilled }, i) => [
      row("student alone", alone, costs.student, i === 0 ? latency.student : undefined),
      row(
        "student distilled",
        distilled,
        costs.student,
        i === 0 ? latency.student : undefined,
        signed(-reductions[i]!),
      ),
    ]),
  ];
  const lines = [
    ...align(rows),
    "",
    `distillation   ${signed(-reduction)} errors${several ? `, mean of ${seeds.length} seeds` : ""}`,
    `fusion         ${count(proof.images)} images in both forms: logits differ by at most ${tiny(proof.maxAbsoluteError)} ` +
      `(${tiny(proof.maxRelativeError)} of the largest), same class for ${percent(proof.agreement, 2)}`,
    `latency        one image, median of ${count(latency.student.deploy.runs)} calls, 1 thread`,
  ];
  return lines.join("\n");
}

function signed(fraction: number): string {
  return `${fraction > 0 ? "+" : fraction < 0 ? "−" : ""}${percent(Math.abs(fraction))}`;
}

/** The first column to the left, numbers to the right, under a rule. */
function align(rows: readonly Cells[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  "),
  );
  return [lines[0]!, "─".repeat(lines[0]!.length), ...lines.slice(1)];
}
