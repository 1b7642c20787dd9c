import type { Network } from "@repvgg/core";
import { BatchLoader, type ImageDataset, preprocess } from "@repvgg/data";
import { type Evaluation, evaluate } from "@repvgg/distill";
import { AverageMeter, ProgressMeter } from "@repvgg/metrics";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { checkImageSize, describeData, openData, preprocessingOf, type Split } from "./data-source.ts";
import { loadTrained } from "./model.ts";
import { type DeviceChoice, openDeviceOf } from "./open-device.ts";

export interface ValidationOptions extends DeviceChoice {
  data?: string | undefined;
  split: Split;
  batchSize: number;
  limit?: number | undefined;
  printEvery: number;
  imageSize?: number | undefined;
}

/** Loss and accuracy of a checkpoint, with the lines that the PyTorch ImageNet example prints. */
export async function validateCheckpoint(
  path: string,
  options: ValidationOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const dataset = await openData(options.data, options.split, options.limit);
  checkImageSize(options.imageSize, dataset);
  terminal.note(describeData(options.data!, options.split, dataset));
  const { spec, state, form, preprocessing = preprocessingOf(dataset) } = await loadTrained(path);
  const loader = new BatchLoader({ dataset, batchSize: options.batchSize, transform: preprocess(preprocessing) });
  const batchSize = Math.min(options.batchSize, dataset.length);
  const device = await openDeviceOf(options, terminal);
  try {
    const network = await device.createNetwork({ spec, state, form, imageSize: preprocessing.size, batchSize });
    try {
      return await measure(network, loader, options.printEvery, terminal);
    } finally {
      network.dispose();
    }
  } finally {
    device.dispose();
  }
}

async function measure(
  network: Network,
  loader: BatchLoader & { dataset: ImageDataset },
  printEvery: number,
  terminal: Terminal,
): Promise<CommandResult> {
  const time = new AverageMeter("Time", ":6.3f");
  const losses = new AverageMeter("Loss", ":.4e");
  const top1 = new AverageMeter("Acc@1", ":6.2f");
  const top5 = new AverageMeter("Acc@5", ":6.2f");
  const meter = new ProgressMeter(loader.batchesPerEpoch, [time, losses, top1, top5], "Test: ");
  const evaluation = await evaluate(network, loader, {
    onBatch({ batch, batches, images, ...report }) {
      time.update(report.seconds);
      losses.update(report.loss, images);
      top1.update(report.top1 * 100, images);
      top5.update(report.top5 * 100, images);
      if (batch % printEvery === 0 || batch === batches) terminal.print(meter.line(batch));
    },
  });
  return { value: figures(evaluation), text: meter.summary([top1, top5]) };
}

function figures({ images, loss, top1, top5, seconds }: Evaluation) {
  return { images, loss, top1, top5, imagesPerSecond: images / seconds };
}
