import { lineChart, percent, type Series } from "@repvgg/report";
import type { QuickstartResult, TrainingRecord } from "../result.ts";

/** How each run is named and coloured, everywhere in the report. The colours are custom properties of the page. */
export const RUN_STYLE = {
  teacher: { name: "teacher", color: "var(--teacher)" },
  alone: { name: "student alone", color: "var(--alone)" },
  distilled: { name: "student distilled", color: "var(--distilled)" },
} as const satisfies Record<TrainingRecord["name"], { name: string; color: string }>;

/** The runs have different lengths: each is drawn over its own. */
const SHARE_AXIS = { label: "share of the training", min: 0, max: 1, format: (share: number) => percent(share, 0) };

/** The errors of the three runs while they train: on the training images as a line, on the test images as points. */
export function errorChart(result: QuickstartResult): string {
  return lineChart({
    title: "wrong answers while they train",
    x: SHARE_AXIS,
    y: { label: "wrong answers", log: true, format: (error) => `${Number((100 * error).toPrecision(2))} %` },
    series: runsOf(result).flatMap((run) => [
      curve(run, "trainError", FLOOR, "faint"),
      {
        ...RUN_STYLE[run.name],
        look: "points",
        points: run.tests.map(({ step, testError }) => [step / run.totalSteps, Math.max(FLOOR, testError)]),
      },
    ]),
  });
}

/** What each run minimises. */
export function lossChart(result: QuickstartResult): string {
  return lineChart({
    title: "training loss",
    x: SHARE_AXIS,
    y: { label: "training loss", log: true },
    series: runsOf(result).map((run) => curve(run, "loss", 1e-4, "line")),
  });
}

/** A logarithmic axis has no 0: a window without an error is drawn at one in a thousand. */
const FLOOR = 1e-3;

function runsOf(result: QuickstartResult): TrainingRecord[] {
  const first = result.seeds[0]!;
  return [result.teacher, first.alone, first.distilled];
}

function curve(run: TrainingRecord, field: "loss" | "trainError", floor: number, look: Series["look"]): Series {
  const points = run.curve.map((point) => [point.step / run.totalSteps, Math.max(floor, point[field])] as const);
  return { ...RUN_STYLE[run.name], look, points };
}
