import { axisTicks, roundedLimits } from "./axis-ticks.ts";
import { escapeHtml } from "./escape-html.ts";

export interface Series {
  readonly name: string;
  /** A CSS colour; one of the page's custom properties follows its colour scheme. */
  readonly color: string;
  /** In the order of x. Points that are not finite, or not positive on a logarithmic axis, leave a gap. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** `points`: with a mark at each; `faint`: thin, behind the others. @default "line" */
  readonly look?: "line" | "points" | "faint";
}

export interface Axis {
  readonly label: string;
  /** @default false */
  readonly log?: boolean;
  /** Limits that the axis has at least. @default those of the data */
  readonly min?: number;
  readonly max?: number;
  /** @default as short as it can be */
  readonly format?: (value: number) => string;
}

export interface ChartOptions {
  readonly title: string;
  readonly series: readonly Series[];
  readonly x: Axis;
  readonly y: Axis;
  /** A vertical line with a name. */
  readonly marks?: readonly { readonly x: number; readonly label: string; readonly color: string }[];
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const WIDE: Size = { width: 520, height: 320 };
const NARROW: Size = { width: 340, height: 270 };
const TOP = 26;
const BOTTOM = 40;
const RIGHT = 24;
const CHARACTER = 7;
/** More points than this are drawn without what a pointer can rest on. */
const MOST_TITLES = 200;

/** Two drawings of a chart, for wide and for narrow screens, so that its text stays readable on both: SVG in HTML. */
export function lineChart(options: ChartOptions): string {
  return [WIDE, NARROW]
    .map((size, i) => `<div class="${i === 0 ? "wide" : "narrow"}">${drawing(options, size)}</div>`)
    .join("");
}

/** The names and colours of some series, as a list. */
export function legend(series: readonly Pick<Series, "name" | "color">[]): string {
  const items = series.map(
    ({ name, color }) => `<li><span class="dot" style="color:${color}"></span>${escapeHtml(name)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** From a value to its place. */
interface Scale {
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
  at(value: number): number;
  shows(value: number): boolean;
}

function drawing(options: ChartOptions, { width, height }: Size): string {
  const { title, series, x, y, marks = [] } = options;
  const values = (index: 0 | 1) => series.flatMap(({ points }) => points.map((point) => point[index]));
  const bottom = height - BOTTOM;
  const vertical = scale(y, values(1), [bottom, TOP], Math.max(3, Math.round((bottom - TOP) / 55)));
  const left = 12 + CHARACTER * Math.max(...vertical.ticks.map((tick) => vertical.format(tick).length));
  const horizontal = scale(x, values(0), [left, width - RIGHT], Math.max(3, Math.round((width - left) / 85)));
  const parts = [
    ...vertical.ticks.map((tick) => gridLine(vertical.at(tick), vertical.format(tick), left, width - RIGHT)),
    ...horizontal.ticks.map((tick) => text(horizontal.at(tick), bottom + 16, horizontal.format(tick), "middle")),
    text(2, 12, y.label, "start", "var(--muted)", 600),
    text((left + width - RIGHT) / 2, height - 4, x.label, "middle"),
    ...[...series].sort(byLook).map((one) => drawSeries(one, horizontal, vertical)),
    ...marks
      .filter((mark) => horizontal.shows(mark.x))
      .map((mark) => drawMark(mark, horizontal.at(mark.x), { bottom, width })),
  ];
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${parts.join("")}</svg>`;
}

const byLook = (a: Series, b: Series) => Number(b.look === "faint") - Number(a.look === "faint");

function scale(axis: Axis, all: readonly number[], [from, to]: readonly [number, number], about: number): Scale {
  const { log = false, format = shortNumber } = axis;
  const shows = (value: number) => Number.isFinite(value) && (!log || value > 0);
  const exactly = limits(axis, all.filter(shows), log);
  const [min, max] = log ? exactly : roundedLimits(...exactly, about);
  const map = log ? Math.log10 : (value: number) => value;
  const at = (value: number) => from + ((map(value) - map(min)) / (map(max) - map(min))) * (to - from);
  return { ticks: axisTicks(min, max, { log, about }), format, at, shows };
}

/** Of the data and the axis, a little apart when they would be one. */
function limits(
  { min = Number.POSITIVE_INFINITY, max = Number.NEGATIVE_INFINITY }: Axis,
  data: number[],
  log: boolean,
) {
  let [low, high] = data.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [min, max]);
  if (low > high) [low, high] = log ? [0.1, 1] : [0, 1];
  if (low === high)
    [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  return [low, high] as const;
}

function drawSeries({ name, color, points, look = "line" }: Series, x: Scale, y: Scale): string {
  const segments: string[] = [];
  let pen = "M";
  for (const [a, b] of points) {
    if (x.shows(a) && y.shows(b)) segments.push(`${pen}${x.at(a).toFixed(1)} ${y.at(b).toFixed(1)}`);
    pen = x.shows(a) && y.shows(b) ? "L" : "M";
  }
  const weight = look === "faint" ? 'stroke-width="1" stroke-opacity=".45"' : 'stroke-width="2"';
  const line = `<path d="${segments.join("")}" fill="none" stroke="${color}" ${weight} stroke-linejoin="round"/>`;
  return line + marksOf({ name, color, points, look }, x, y);
}

/** A circle at each point: visible, or only something that a pointer can rest on to see the value. */
function marksOf({ name, color, points, look }: Series, x: Scale, y: Scale): string {
  const visible = look === "points" || points.length === 1;
  if (!visible && (look === "faint" || points.length > MOST_TITLES)) return "";
  return points
    .filter(([a, b]) => x.shows(a) && y.shows(b))
    .map(([a, b]) => {
      const paint = visible ? `fill="${color}" stroke="var(--card)" stroke-width="1.5"` : 'fill="transparent"';
      const title = `${name}: ${y.format(b)} at ${x.format(a)}`;
      const place = `cx="${x.at(a).toFixed(1)}" cy="${y.at(b).toFixed(1)}"`;
      return `<circle ${place} r="${visible ? 4 : 6}" ${paint}><title>${escapeHtml(title)}</title></circle>`;
    })
    .join("");
}

/** The name stands on the side where it has room. */
function drawMark(
  { label, color }: { label: string; color: string },
  x: number,
  { bottom, width }: { bottom: number; width: number },
): string {
  const line = `<path d="M${x.toFixed(1)} ${TOP}V${bottom}" stroke="${color}" stroke-width="1.5" stroke-dasharray="4 3"/>`;
  const fits = x + 5 + CHARACTER * label.length <= width;
  return line + text(fits ? x + 5 : x - 5, TOP + 10, label, fits ? "start" : "end", color, 600);
}

function gridLine(y: number, label: string, left: number, right: number): string {
  const line = `<path d="M${left} ${y.toFixed(1)}H${right}" stroke="var(--line)"/>`;
  return line + text(left - 6, y + 4, label, "end");
}

function text(x: number, y: number, content: string, anchor: string, color = "var(--muted)", weight = 400): string {
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"`;
  return `<text ${place} font-size="12" font-weight="${weight}" fill="${color}">${escapeHtml(content)}</text>`;
}

/** `1e9` → `1e9`, `1234567` → `1.23M`, `0.000012` → `1.2e-5`, `0.25` → `0.25`. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return Number(value.toPrecision(3)).toExponential().replace("e+", "e");
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  if (size === 0 || size >= 1e-3) return String(Number(value.toPrecision(4)));
  return Number(value.toPrecision(3)).toExponential();
}
