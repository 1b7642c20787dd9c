import { RepvggError } from "@repvgg/core";

/**
 * Splits comma-separated values into rows of fields: quotes, doubled quotes inside them, line breaks of any kind, a byte order
 * mark. Rows without any text are left out.
 *
 * @param source What it is, for messages.
 * @throws {RepvggError} `E_DATA`: a quote is not closed.
 * @see RFC 4180
 */
export function parseCsv(text: string, source = "The table"): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const field = /\uFEFF?(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  while (field.lastIndex < text.length) {
    const start = field.lastIndex;
    const match = field.exec(text);
    if (match === null) {
      const line = text.slice(0, start).split(/\r\n|\n|\r/).length;
      throw new RepvggError(
        "E_DATA",
        `${source} has a quotation mark in line ${line} that is not closed, or inside a field.`,
      );
    }
    row.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === ",") {
      if (field.lastIndex === text.length) row.push("");
      else continue;
    }
    if (row.some((value) => value !== "")) rows.push(row);
    row = [];
  }
  return rows;
}
