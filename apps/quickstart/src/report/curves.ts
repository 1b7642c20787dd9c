import * as echarts from "echarts";
import type { QuickstartResult, TrainingRecord } from "../result.ts";

/** A chart as a standalone SVG that scales to its container. */
interface Size {
  readonly width: number;
  readonly height: number;
}

const WIDE: Size = { width: 520, height: 340 };
const NARROW: Size = { width: 340, height: 300 };

/** How each run is named and coloured, everywhere in the report. The colours are custom properties of the page. */
export const RUN_STYLE = {
  teacher: { label: "teacher", color: "var(--teacher)" },
  alone: { label: "student alone", color: "var(--alone)" },
  distilled: { label: "student distilled", color: "var(--distilled)" },
} as const satisfies Record<TrainingRecord["name"], { label: string; color: string }>;

/** The errors of the three runs while they train: on the training images as a line, on the test images as points. */
export function errorChart(result: QuickstartResult): string {
  return chart({
    ...frame("wrong answers", percentLabel),
    series: runsOf(result).flatMap((run) => [
      { ...line(run, "trainError", FLOOR), lineStyle: { width: 1, opacity: 0.45, color: RUN_STYLE[run.name].color } },
      {
        ...base(run),
        data: run.tests.map((test) => [share(run, test.step), Math.max(FLOOR, test.testError)]),
        symbol: "circle",
        symbolSize: 8,
        lineStyle: { width: 2.5, color: RUN_STYLE[run.name].color },
      },
    ]),
  });
}

/** What each run minimises. */
export function lossChart(result: QuickstartResult): string {
  return chart({
    ...frame("training loss", (value) => `${value}`),
    series: runsOf(result).map((run) => ({
      ...line(run, "loss", 1e-4),
      lineStyle: { width: 2, color: RUN_STYLE[run.name].color },
    })),
  });
}

/** A logarithmic axis has no 0: a window without an error is drawn at one in a thousand. */
const FLOOR = 1e-3;

function runsOf(result: QuickstartResult): TrainingRecord[] {
  const first = result.seeds[0]!;
  return [result.teacher, first.alone, first.distilled];
}

/** The runs have different lengths: each is drawn over its own. */
const share = (run: TrainingRecord, step: number) => (100 * step) / run.totalSteps;

const base = (run: TrainingRecord) => ({
  type: "line" as const,
  silent: true,
  color: RUN_STYLE[run.name].color,
  itemStyle: { color: RUN_STYLE[run.name].color, borderColor: "var(--card)", borderWidth: 1.5 },
});

function line(run: TrainingRecord, field: "loss" | "trainError", floor: number) {
  const data = run.curve.map((point) => [share(run, point.step), Math.max(floor, point[field])]);
  return { ...base(run), data, showSymbol: false };
}

const percentLabel = (value: number) => `${Number((100 * value).toPrecision(2))} %`;

function frame(title: string, label: (value: number) => string): echarts.EChartsOption {
  const text = { color: "var(--muted)", fontSize: 12, fontFamily: "inherit" };
  return {
    animation: false,
    grid: {
      left: 8,
      right: 14,
      top: 6,
      bottom: 4,
      outerBoundsMode: "same",
      outerBoundsContain: "all",
    },
    xAxis: {
      type: "value",
      min: 0,
      max: 100,
      name: "share of the training",
      nameLocation: "middle",
      nameGap: 8,
      nameTextStyle: text,
      axisLabel: { ...text, formatter: "{value} %" },
      axisLine: { lineStyle: { color: "var(--line)" } },
      axisTick: { show: false },
      splitLine: { show: false },
    },
    yAxis: {
      type: "log",
      name: title,
      nameTextStyle: { ...text, align: "left", fontWeight: 600 },
      nameGap: 14,
      axisLabel: { ...text, formatter: label },
      splitLine: { lineStyle: { color: "var(--line)" } },
    },
  };
}

/** Two drawings of a chart, for wide and for narrow screens, so that its text stays readable on both. */
function chart(options: echarts.EChartsOption): string {
  return [WIDE, NARROW]
    .map((size, i) => `<div class="${i === 0 ? "wide" : "narrow"}">${render(options, size)}</div>`)
    .join("");
}

function render(option: echarts.EChartsOption, { width, height }: Size): string {
  const instance = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    instance.setOption(option);
    return instance.renderToSVGString();
  } finally {
    instance.dispose();
  }
}
