const WIDTH = 60;
const HEIGHT = 12;

/**
 * A curve in characters, over a logarithmic axis of x.
 *
 * @param points In the order of x, which is positive; those that are not finite are left out.
 */
export function textChart(points: readonly (readonly [x: number, y: number])[]): string {
  const finite = points.filter(([x, y]) => x > 0 && Number.isFinite(y));
  if (finite.length === 0) return "no point is finite";
  const [xs, ys] = [finite.map(([x]) => Math.log10(x)), finite.map(([, y]) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const place = (value: number, from: number, to: number, cells: number) =>
    to === from ? 0 : Math.round(((value - from) / (to - from)) * (cells - 1));
  const rows = Array.from({ length: HEIGHT }, () => new Array<string>(WIDTH).fill(" "));
  for (const [i, x] of xs.entries()) {
    rows[HEIGHT - 1 - place(ys[i]!, low, high, HEIGHT)]![place(x, left, right, WIDTH)] = "*";
  }
  const labels = rows.map((_, i) => (high - ((high - low) * i) / (HEIGHT - 1)).toPrecision(3));
  const margin = Math.max(...labels.map(({ length }) => length));
  const lines = rows.map((row, i) => `${labels[i]!.padStart(margin)} |${row.join("").trimEnd()}`);
  const ends = [10 ** left, 10 ** right].map((x) => x.toExponential(0));
  const axis = `${" ".repeat(margin + 2)}${ends[0]}${ends[1]!.padStart(WIDTH - ends[0]!.length)}`;
  return [...lines, `${" ".repeat(margin)} +${"-".repeat(WIDTH)}`, axis].join("\n");
}
