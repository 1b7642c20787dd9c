import type { ExperimentResult } from "./experiment.ts";

/** A result for a terminal: the paper, the table, what holds. */
export function textOf({ title, paper, columns, rows, findings }: ExperimentResult): string {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return [
    title,
    paper,
    "",
    line(columns),
    "─".repeat(line(columns).length),
    ...rows.map(line),
    "",
    ...findings.map(({ claim, holds }) => `${holds ? "yes" : "NO "}  ${claim}`),
  ].join("\n");
}
