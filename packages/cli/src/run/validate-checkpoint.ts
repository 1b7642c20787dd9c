import { type Forms, fuseStateLazily, type NdArray, RepvggError } from "@repvgg/core";
import { isEncoded, type LabelledImages, type Preprocessing } from "@repvgg/data";
import { selectClasses } from "@repvgg/distill";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { everyImage, type Loading } from "./batch-sources.ts";
import { outputsOfClasses } from "./class-map.ts";
import { checkImageSize, describeData, openData, type Part, partOf, preprocessingOf } from "./data-source.ts";
import { judgeNetwork } from "./judge-network.ts";
import { loadTrained, type TrainedModel } from "./model.ts";
import { type DeviceChoice, openDeviceOf } from "./open-device.ts";
import { resized } from "./predict-images.ts";
import { loadingOf } from "./training-parts.ts";

const PARTS: readonly string[] = ["val", "train", "test", "all"] satisfies Part[];

export interface ValidationOptions extends DeviceChoice, Omit<Loading, "report"> {
  data?: string | undefined;
  split: string;
  classIndex?: string | undefined;
  batchSize: number;
  limit?: number | undefined;
  printEvery: number;
  perClass: boolean;
  both: boolean;
  imageSize?: number | undefined;
  emaWeights?: boolean | undefined;
  seed: number;
}

/** Loss and accuracy of a checkpoint, with the lines that the PyTorch ImageNet example prints. */
export async function validateCheckpoint(
  path: string,
  options: ValidationOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const { part, fraction } = partAndFraction(options.split);
  const source = await openData({ ...options, split: fraction }, { terminal });
  const dataset = partOf(source, part, options.limit);
  checkImageSize(options.imageSize, dataset);
  terminal.note(describeData(source, part, dataset));
  const trained = await loadTrained(path, options);
  const { spec, state, form } = trained;
  if (options.both && form === "deploy") {
    throw new RepvggError(
      "E_USAGE",
      `--both compares the two forms, and ${trained.name} has only the deploy form. Give the train form that it was fused from.`,
    );
  }
  const outputs = await outputsOfClasses(trained, source, options.classIndex, terminal);
  const preprocessing = preprocessingFor(trained, dataset, options.imageSize);
  const loader = everyImage(dataset, preprocessing, options.batchSize, loadingOf(options, terminal));
  const batchSize = Math.min(options.batchSize, dataset.length);
  const device = await openDeviceOf(options, terminal);
  const open = async (form: Forms, state: ReadonlyMap<string, NdArray>) => {
    const network = await device.createNetwork({ spec, state, form, imageSize: preprocessing.size, batchSize });
    return { judged: outputs ? selectClasses(network, outputs) : network, dispose: () => network.dispose() };
  };
  const opened: Awaited<ReturnType<typeof open>>[] = [];
  try {
    opened.push(await open(form, state));
    if (options.both) opened.push(await open("deploy", fuseStateLazily(spec, state)));
    const [own, deployed] = opened;
    return await judgeNetwork(own!.judged, loader, { ...options, deployed: deployed?.judged }, terminal);
  } finally {
    for (const { dispose } of opened) dispose();
    device.dispose();
    await loader.close();
  }
}

/** `val` → that part; `0.9` → what training with `--split 0.9` keeps for validation. */
function partAndFraction(split: string): { part: Part; fraction?: number } {
  if (PARTS.includes(split)) return { part: split as Part };
  const fraction = split.trim() === "" ? Number.NaN : Number(split);
  if (fraction > 0 && fraction < 1) return { part: "val", fraction };
  throw new RepvggError(
    "E_USAGE",
    `--split must be one of ${PARTS.join(", ")}, or a share between 0 and 1, got "${split}".`,
  );
}

/** The checkpoint's own; at `--image-size`, the same share of the image around its centre. */
function preprocessingFor(trained: TrainedModel, dataset: LabelledImages, imageSize?: number): Preprocessing {
  const { preprocessing } = trained;
  if (!preprocessing) return preprocessingOf(dataset, trained.imageSize[0]);
  return imageSize === undefined || !isEncoded(dataset) ? preprocessing : resized(preprocessing, imageSize);
}
