export interface Column {
  readonly title: string;
  /** @default "right" */
  readonly align?: "left" | "right";
}

/** A plain table, two blanks between columns. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, c) => Math.max(title.length, ...rows.map((row) => (row[c] ?? "").length)));
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, c) => (align === "left" ? cells[c]!.padEnd(widths[c]!) : cells[c]!.padStart(widths[c]!)))
      .join("  ")
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)].join("\n");
}
