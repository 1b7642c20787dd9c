import type { EpochRecord } from "@repvgg/distill";
import { legend, lineChart, type Series, shortPercent } from "@repvgg/report";
import type { RunData } from "./read-run.ts";

/** What is drawn of a curve over steps: each point is the mean of its share of them. */
const MOST_POINTS = 160;
/** Curves over more epochs than these are drawn without a mark at each. */
const MOST_MARKS = 40;

const SPLITS = [
  { split: "train", name: "training", color: "var(--alone)" },
  { split: "val", name: "validation", color: "var(--distilled)" },
  { split: "ema", name: "validation, average of the weights", color: "var(--good)" },
] as const;
const TERM_COLORS = ["var(--distilled)", "var(--alone)", "var(--good)", "var(--bad)", "var(--teacher)"];

const TERM_TITLES: Readonly<Record<string, string>> = {
  loss: "Terms of the loss",
  gradientNorm: "Norm of the gradient at the logits, by term",
  gradientShare: "Share of the gradient, by term",
};

type Points = readonly (readonly [x: number, y: number])[];

/** Loss, accuracy, learning rate and what else was told, over epochs. */
export function curvesSection(run: RunData): string {
  const charts = [lossCard(run), accuracyCard(run), rateCard(run), gradientCard(run), ...objectiveCards(run)];
  const shown = charts.filter((chart) => chart !== "");
  if (shown.length === 0) return "";
  const about =
    run.command === "distill"
      ? "Over epochs. The training loss is that of the distillation, another quantity than the cross-entropy of the validation."
      : "Over epochs. The training loss is that of each step, before its update.";
  return `<section><h2>How it learns</h2><p>${about}</p><div class="two">${shown.join("\n")}</div></section>`;
}

/** Points of a tag of the event files, over epochs. */
export function overEpochs({ scalars, status }: RunData, tag: string): Points {
  const points = scalars.get(tag) ?? [];
  const perEpoch = status ? status.totalSteps / status.epochs : 1;
  return thinned(points.map(([step, value]) => [step / perEpoch, value] as const));
}

/** A figure of the history, over epochs. */
export function byEpoch(
  history: readonly EpochRecord[],
  split: EpochRecord["split"],
  figure: (record: EpochRecord) => number | undefined,
): Points {
  return history
    .filter((record) => record.split === split)
    .flatMap((record) => {
      const value = figure(record);
      return value === undefined ? [] : [[record.epoch, value] as const];
    });
}

export const lookOf = (points: Points): NonNullable<Series["look"]> => (points.length > MOST_MARKS ? "line" : "points");

/** Means of neighbours, so that a page stays small. A mean over what is not finite leaves its gap. */
function thinned(points: Points): Points {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return points;
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    points.slice(i * size, (i + 1) * size),
  );
  const mean = (group: Points, of: 0 | 1) => group.reduce((sum, point) => sum + point[of], 0) / group.length;
  return groups.map((group) => [mean(group, 0), mean(group, 1)] as const);
}

function lossCard(run: RunData): string {
  const steps = overEpochs(run, "step/loss");
  const series = SPLITS.map(({ split, name, color }): Series => {
    if (split === "train" && steps.length > 0) return { name, color, points: steps };
    const points = byEpoch(run.history, split, ({ loss }) => loss);
    return { name, color, points, look: lookOf(points) };
  });
  return card("Loss", series, { log: true });
}

function accuracyCard({ history }: RunData): string {
  const series = SPLITS.map(({ split, name, color }): Series => {
    const points = byEpoch(history, split, ({ top1 }) => top1);
    return { name, color, points, look: lookOf(points) };
  });
  return card("Acc@1", series, { format: shortPercent });
}

function rateCard(run: RunData): string {
  const points = overEpochs(run, "step/learningRate");
  return card("Learning rate", [{ name: "learning rate", color: "var(--distilled)", points }], { min: 0 });
}

function gradientCard(run: RunData): string {
  const points = overEpochs(run, "step/gradientNorm");
  const series = [{ name: "norm, before it was clipped", color: "var(--distilled)", points }];
  return card("Norm of the gradient", series, { log: true });
}

/** What the objective told, `loss/kd` and so on: one chart a kind, one curve a term. */
function objectiveCards({ history }: RunData): string[] {
  const names = [...new Set(history.flatMap(({ figures = {} }) => Object.keys(figures)))];
  const kinds = [...new Set(names.map((name) => name.split("/")[0]!))];
  return kinds.map((kind) => {
    const series = names
      .filter((name) => name.split("/")[0] === kind)
      .map((name, i): Series => {
        const points = byEpoch(history, "train", ({ figures }) => figures?.[name]);
        const color = TERM_COLORS[i % TERM_COLORS.length]!;
        return { name: name.slice(kind.length + 1) || name, color, points, look: lookOf(points) };
      });
    return card(TERM_TITLES[kind] ?? kind, series, { min: 0 });
  });
}

interface CardOptions {
  readonly log?: boolean;
  readonly min?: number;
  readonly format?: (value: number) => string;
  /** Whether the names of several curves stand above them. @default true */
  readonly named?: boolean;
}

/** A chart over epochs with its legend; nothing where there is nothing to draw. */
export function card(title: string, all: readonly Series[], { named = true, ...y }: CardOptions = {}): string {
  const series = all.filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
  if (series.length === 0) return "";
  const names = named && series.length > 1 ? legend(series) : "";
  const x = { label: "epoch", min: 0 };
  const chart = lineChart({ title: `${title} by epoch`, series, x, y: { label: "", ...y } });
  return `<div class="card"><h3>${title}</h3>${names}${chart}</div>`;
}
