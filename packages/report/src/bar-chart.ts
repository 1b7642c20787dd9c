import { escapeHtml } from "./escape-html.ts";

export interface Bar {
  readonly name: string;
  /** In [0, 1]; NaN draws no bar. */
  readonly share: number;
  /** What stands at the end of the bar: text. */
  readonly value: string;
  readonly note?: string;
}

/** Named shares as bars, one below the other. */
export function barChart(bars: readonly Bar[], color: string): string {
  const rows = bars.map(({ name, share, value, note }) => {
    const width = Number.isFinite(share) ? (100 * Math.min(1, Math.max(0, share))).toFixed(2) : "0";
    const small = note === undefined ? "" : ` <small>${escapeHtml(note)}</small>`;
    return `<div class="bar"><div class="name">${escapeHtml(name)}</div>
<div class="track"><div class="fill" style="width:${width}%;background:${color}"></div></div>
<div><span class="value">${escapeHtml(value)}</span>${small}</div></div>`;
  });
  return `<div class="bars">${rows.join("\n")}</div>`;
}
