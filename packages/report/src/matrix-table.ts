import { escapeHtml } from "./escape-html.ts";

export interface MatrixOptions {
  readonly classes: readonly string[];
  /** The colour of the largest cell off the diagonal. */
  readonly tint: string;
  /** What a cell says; an empty string for one that says nothing. */
  readonly text: (value: number) => string;
  readonly rows: string;
  readonly columns: string;
}

/**
 * A square matrix as a table whose cells are coloured by value. The diagonal is muted, and the colour scale is that of the
 * rest: what is right is not what one looks for.
 */
export function matrixTable(values: readonly (readonly number[])[], options: MatrixOptions): string {
  const { classes, tint, text, rows, columns } = options;
  const largest = Math.max(Number.MIN_VALUE, ...values.flatMap((row, i) => row.filter((_, j) => i !== j)));
  const cell = (value: number, same: boolean) => {
    if (same) return `<td class="same">${text(value)}</td>`;
    const share = value / largest;
    const kind = text(value) === "" ? "none" : share > 0.62 ? "hot" : "";
    return `<td class="${kind}" style="--v:${share.toFixed(3)}">${text(value) || "·"}</td>`;
  };
  const head = classes.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join("");
  const body = values.map((row, i) => {
    const cells = row.map((value, j) => cell(value, i === j)).join("");
    return `<tr><th scope="row">${escapeHtml(classes[i]!)}</th>${cells}</tr>`;
  });
  return `<p class="note axis">rows: ${rows} · columns: ${columns}</p>
<table class="matrix" style="--tint:${tint}"><thead><tr><th></th>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}
