import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import { type StepReport, Trainer } from "@repvgg/distill";
import { escapeHtml, htmlPage, legend, lineChart } from "@repvgg/report";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { withTraining } from "./open-training.ts";
import { startProgress } from "./progress.ts";
import { RangeTest, rangeRate } from "./range-test.ts";
import { type Given, newSettings } from "./settings.ts";
import { textChart } from "./text-chart.ts";
import { optimizerOf, trainingSources } from "./training-parts.ts";
import { planTraining, type TrainingPlan } from "./training-plan.ts";

export interface FindLrOptions {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly html?: string | undefined;
}

/** `repvgg find-lr`: trains with a rising learning rate until the loss explodes; the weights are thrown away. */
export async function findLearningRate(
  given: Given,
  options: FindLrOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const { from, to, html } = options;
  if (from >= to) {
    throw new RepvggError("E_USAGE", `--from ${from} must be less than --to ${to}: the learning rate rises.`);
  }
  const plan = await planTraining(await newSettings("train", given, (text) => terminal.note(text)), terminal);
  const test = await rangeTest(plan, options, terminal);
  const { steepest, best, points } = test;
  const round = (rate: number | undefined) => (rate === undefined ? null : Number(rate.toPrecision(2)));
  const suggestion = round(steepest);
  const value = { suggestion, leastLossAt: round(best), points, ...(html !== undefined && { file: html }) };
  const verdict =
    suggestion === null
      ? "The loss never fell: no rate can be suggested. Try more --steps, or a smaller --from."
      : `Suggested: --lr ${suggestion}, where the loss falls fastest. It is least at ${round(best)}: larger rates are too large.`;
  if (html !== undefined) await writeFileAtomically(html, page(plan, test, verdict));
  const chart = textChart(points.map(({ learningRate, smoothed }) => [learningRate, smoothed] as const));
  const lines = [`loss over the learning rate, ${points.length} steps`, chart, "", verdict];
  return { value, text: [...lines, ...(html === undefined ? [] : [`Page: ${html}`])].join("\n") };
}

async function rangeTest(plan: TrainingPlan, options: FindLrOptions, terminal: Terminal): Promise<RangeTest> {
  const signal = terminal.interruptSignal();
  return withTraining(plan, undefined, signal, terminal, async ({ student: { network }, objective }) => {
    const { settings, stepsPerEpoch } = plan;
    const { accumulate } = settings;
    const { steps, from } = options;
    const test = new RangeTest();
    const done = new AbortController();
    const progress = await startProgress(terminal, "step", steps);
    const onStep = ({ step, loss, learningRate }: StepReport) => {
      test.add(learningRate, loss);
      progress.update(step, `lr ${learningRate.toExponential(1)}  Loss ${loss.toFixed(4)}`);
      if (step >= steps || test.hasExploded) done.abort();
    };
    const { data, validation } = await trainingSources(plan, terminal);
    try {
      const trainer = new Trainer({
        network,
        data,
        objective,
        accumulate,
        epochs: Math.ceil(steps / Math.ceil(stepsPerEpoch / accumulate)),
        optimizer: { ...optimizerOf(settings), learningRate: from },
        schedule: (step) => rangeRate(step, options) / from,
        callbacks: { onStep },
        signal: AbortSignal.any([signal, done.signal]),
      });
      await trainer.run().catch((error: { code?: string }) => {
        // Its end: a loss that is not finite, or the last step. Ctrl-C is the user's.
        if (signal.aborted || (error.code !== "E_DIVERGED" && !done.signal.aborted)) throw error;
      });
      return test;
    } finally {
      progress.stop();
      await Promise.all([data.close(), validation.close()]);
    }
  });
}

function page({ modelName, settings }: TrainingPlan, { points, steepest }: RangeTest, verdict: string): string {
  const series = [
    {
      name: "loss of a step",
      color: "var(--alone)",
      look: "faint" as const,
      points: points.map(({ learningRate, loss }) => [learningRate, loss] as const),
    },
    {
      name: "smoothed",
      color: "var(--distilled)",
      points: points.map(({ learningRate, smoothed }) => [learningRate, smoothed] as const),
    },
  ];
  const marks = steepest === undefined ? [] : [{ x: steepest, label: "suggested", color: "var(--good)" }];
  const x = { label: "learning rate", log: true };
  const chart = lineChart({ title: "Loss over the learning rate", series, x, y: { label: "loss" }, marks });
  const title = `LR range test: ${modelName}`;
  const body = `<header><p class="eyebrow">LR range test</p><h1>${escapeHtml(modelName)}</h1>
<p class="lead">${escapeHtml(String(settings.data))}</p></header>
<section><p>${escapeHtml(verdict)}</p>${legend(series)}<div class="card">${chart}</div></section>`;
  return htmlPage({ title, body, style: ".card { max-width: 806px; }" }); // as wide as its chart
}
