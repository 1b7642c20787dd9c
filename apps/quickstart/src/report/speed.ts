import { milliseconds } from "@repvgg/report";
import type { Latency, QuickstartResult } from "../result.ts";

/** Latency of both forms at batch 1: the median as a bar, the middle 80 % of the calls as a line on it. */
export function speedBars({ latency }: Pick<QuickstartResult, "latency">): string {
  const rows: [name: string, latency: Latency, color: string][] = [
    ["student, train form", latency.student.train, "color-mix(in srgb, var(--distilled) 45%, var(--card))"],
    ["student, deploy form", latency.student.deploy, "var(--distilled)"],
    ["teacher, train form", latency.teacher.train, "color-mix(in srgb, var(--teacher) 45%, var(--card))"],
    ["teacher, deploy form", latency.teacher.deploy, "var(--teacher)"],
  ];
  const scale = 100 / Math.max(...rows.map(([, { p90Ms }]) => p90Ms));
  const bars = rows.map(([name, { medianMs, p10Ms, p90Ms }, color]) => {
    const percent = (ms: number) => `${(ms * scale).toFixed(2)}%`;
    return `<div class="bar">
<div>${name}</div>
<div class="track"><div class="fill" style="width:${percent(medianMs)};background:${color}"></div><div class="spread" style="left:${percent(p10Ms)};width:${percent(p90Ms - p10Ms)}"></div></div>
<div><span class="value">${milliseconds(medianMs)}</span> <small>${milliseconds(p10Ms)} – ${milliseconds(p90Ms)}</small></div>
</div>`;
  });
  return `<div class="bars">${bars.join("\n")}</div>`;
}
