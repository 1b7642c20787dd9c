import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { changesImages } from "../augmentation.ts";
import { fingerprintOf } from "../data-fingerprint.ts";
import { describeNormalisation } from "../renormalised.ts";
import { exists } from "../run-folder.ts";
import type { TrainingPlan } from "../training-plan.ts";

/** What a teacher's answers depend on, by names for people. */
export type CacheKey = Readonly<Record<string, string | number>>;

/** What of a plan decides it. */
export type CachePlan = Pick<TrainingPlan, "settings" | "preprocessing" | "training" | "spec"> & {
  readonly teacher: NonNullable<TrainingPlan["teacher"]>;
};

/** Whether an image looks another way in each epoch. */
export const changesByEpoch = ({ settings }: Pick<CachePlan, "settings">) =>
  changesImages(settings) || settings.progressive !== undefined;

/**
 * The key of a teacher's answers: the bytes of its files, how its outputs are read, the images, and what augments them.
 *
 * Of the order of the batches, their size and the number of epochs an answer is independent; but mixup and CutMix blend the images
 * of a batch.
 */
export async function cacheKey(plan: CachePlan): Promise<CacheKey> {
  const { settings, teacher, preprocessing, training, spec } = plan;
  const { images, sha256 } = fingerprintOf(training);
  const { size, mean, std, interpolation, ...resizing } = preprocessing;
  return {
    ...Object.assign({}, ...(await Promise.all(teacher.networks.map(keyOfTeacher)))),
    "number of teachers": teacher.networks.length,
    classes: spec.numClasses,
    "kept of each answer": settings.cacheTopK === undefined ? "all logits" : `the ${settings.cacheTopK} largest logits`,
    "training images": `${images}, SHA-256 ${sha256}`,
    "image size": size.join("x"),
    normalisation: describeNormalisation({ mean, std }),
    resizing: JSON.stringify({ interpolation, ...resizing }),
    ...augmentationKey(settings),
  };
}

function augmentationKey(settings: CachePlan["settings"]): CacheKey {
  const { augment, randomErasing, mixup, cutmix, seed, batchSize, progressive, epochs } = settings;
  return {
    "--augment": augment,
    "--random-erasing": randomErasing,
    "--mixup": mixup,
    "--cutmix": cutmix,
    ...(changesImages(settings) && { "--seed": seed }),
    ...((mixup > 0 || cutmix > 0) && { "--batch-size": batchSize }),
    ...(progressive !== undefined && { "--progressive": progressive, "--epochs": epochs }),
  };
}

type TeacherFile = CachePlan["teacher"]["networks"][number];

async function keyOfTeacher(network: TeacherFile, index: number): Promise<CacheKey> {
  const what = `teacher ${index + 1}`;
  const { outputs, normalisation } = network;
  return {
    [what]: `SHA-256 ${await hashOfFiles(network.name)}`,
    ...(outputs && { [`outputs of ${what}`]: createHash("sha256").update(outputs.join()).digest("hex") }),
    ...(normalisation && { [`normalisation of ${what}`]: describeNormalisation(normalisation) }),
  };
}

/** Of a checkpoint: its file, all of its folder, or an ONNX file and what it keeps beside it. */
async function hashOfFiles(path: string): Promise<string> {
  const isFolder = (await stat(path)).isDirectory();
  const beside = isFolder ? [] : [`${path}.data`, `${path}_data`];
  const files = isFolder ? (await readdir(path)).sort().map((name) => join(path, name)) : [path, ...beside];
  const hash = createHash("sha256");
  for (const file of files) {
    if (!(await exists(file))) continue;
    for await (const piece of createReadStream(file)) hash.update(piece);
  }
  return hash.digest("hex");
}
