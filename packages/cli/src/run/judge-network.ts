import { type BatchSource, type Classifier, type Evaluation, type EvaluationBatch, evaluate } from "@repvgg/distill";
import { AverageMeter, CalibrationMeter, type ClassFigures, ProgressMeter } from "@repvgg/metrics";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { FormAgreement } from "./form-agreement.ts";
import { grouped, percent } from "./numbers.ts";
import { table } from "./table.ts";

/** What is told besides loss and accuracy. */
export interface JudgingOptions {
  readonly printEvery: number;
  readonly perClass: boolean;
  /** The same network in deploy form, to be compared with it on every image. */
  readonly deployed?: Classifier | undefined;
}

/** Runs a network over a data set, with the lines that the PyTorch ImageNet example prints. */
export async function judgeNetwork(
  network: Classifier,
  loader: BatchSource,
  { printEvery, perClass, deployed }: JudgingOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const time = new AverageMeter("Time", ":6.3f");
  const losses = new AverageMeter("Loss", ":.4e");
  const top1 = new AverageMeter("Acc@1", ":6.2f");
  const top5 = new AverageMeter("Acc@5", ":6.2f");
  const meter = new ProgressMeter(loader.batchesPerEpoch, [time, losses, top1, top5], "Test: ");
  const calibration = new CalibrationMeter();
  const agreement = new FormAgreement();
  const evaluation = await evaluate(network, loader, {
    async onBatch(report: EvaluationBatch) {
      const { batch, batches, images, data, logits } = report;
      time.update(report.seconds);
      losses.update(report.loss, images);
      top1.update(report.top1 * 100, images);
      top5.update(report.top5 * 100, images);
      calibration.addBatch(logits, data.labels);
      if (deployed) agreement.add(report, await deployed.predict(data.images));
      if (batch % printEvery === 0 || batch === batches) terminal.print(meter.line(batch));
    },
  });
  const classes = evaluation.confusion.perClass();
  const value = {
    ...figures(evaluation),
    calibrationError: calibration.error,
    perClass: classes.map(toJson),
    ...(deployed && { both: agreement.figures }),
  };
  const text = [
    ...(perClass ? [classTable(classes), describeCalibration(calibration)] : []),
    ...(deployed ? [agreement.describe(), `Deploy form:${meter.summary([agreement.top1, agreement.top5])}`] : []),
    meter.summary([top1, top5]), // last, as scripts expect it
  ];
  return { value, text: text.join("\n") };
}

function figures({ images, loss, top1, top5, seconds }: Evaluation) {
  return { images, loss, top1, top5, imagesPerSecond: images / seconds };
}

/** JSON has no NaN: null stands for a rate of no images. */
function toJson({ index, name, support, recall, precision }: ClassFigures) {
  const rate = (value: number) => (Number.isNaN(value) ? null : value);
  return { index, name, images: support, recall: rate(recall), precision: rate(precision) };
}

function classTable(classes: readonly ClassFigures[]): string {
  const columns = [
    { title: "class", align: "left" },
    { title: "images" },
    { title: "recall" },
    { title: "precision" },
  ] as const;
  const rate = (value: number) => (Number.isNaN(value) ? "-" : percent(value));
  const rows = classes.map(({ name, support, recall, precision }) => [
    name,
    grouped(support),
    rate(recall),
    rate(precision),
  ]);
  return `${table(columns, rows)}\n`;
}

function describeCalibration({ error, bins }: CalibrationMeter): string {
  return `Expected calibration error ${percent(error)} % (${bins.length} bins)`;
}
