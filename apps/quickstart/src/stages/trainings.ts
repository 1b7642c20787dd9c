import { fuseState, type Logits, type StateDict } from "@repvgg/core";
import { firstImages } from "@repvgg/data";
import { cachedTeacher, crossEntropyObjective, kdObjective, type Objective } from "@repvgg/distill";
import { duration, percent } from "@repvgg/report";
import type { PipelineOptions } from "../pipeline.ts";
import type { SeedResult, TrainingRecord } from "../result.ts";
import { type Recipe, TEACHER_SEED } from "../settings.ts";
import { logitsOf } from "./prove.ts";
import { trainNetwork } from "./train-network.ts";

export interface Trained {
  readonly record: TrainingRecord;
  readonly state: StateDict;
}

interface Training {
  readonly name: TrainingRecord["name"];
  readonly seed: number;
  readonly recipe: Recipe;
  readonly work: number;
  /** Asked for only when the training is not done yet. */
  objective(): Objective | Promise<Objective>;
}

export function trainTeacher(options: PipelineOptions): Promise<Trained> {
  return trainOnce(options, {
    name: "teacher",
    seed: TEACHER_SEED,
    recipe: options.settings.teacher,
    work: options.work.teacher,
    objective: () => crossEntropyObjective(),
  });
}

/**
 * Each seed's student, alone and distilled. Both begin with the same weights and see the same batches.
 *
 * @returns Also the weights of the first seed's distilled student: to choose the best by its test errors would be cheating.
 */
export async function trainStudents(
  options: PipelineOptions,
  teacher: StateDict,
): Promise<{ seeds: SeedResult[]; student: StateDict }> {
  const { settings, firstSeed, work } = options;
  const { temperature, alpha, student: recipe } = settings;
  let logits: Logits | undefined;
  const underTeacher = async () => {
    logits ??= await teach(options, teacher);
    return kdObjective({ teacher: cachedTeacher(logits), temperature, alpha });
  };
  const seeds: SeedResult[] = [];
  let student: StateDict | undefined;
  for (let seed = firstSeed; seed < firstSeed + options.seeds; seed++) {
    const common = { seed, recipe, work: work.student };
    const alone = await trainOnce(options, { ...common, name: "alone", objective: () => crossEntropyObjective() });
    const distilled = await trainOnce(options, { ...common, name: "distilled", objective: underTeacher });
    seeds.push({ seed, alone: alone.record, distilled: distilled.record });
    student ??= distilled.state;
  }
  return { seeds, student: student! };
}

/** What the teacher says of the student's images: once, since without augmentation it would say the same in every epoch. */
function teach(options: PipelineOptions, teacher: StateDict): Promise<Logits> {
  const { settings, data, device, signal, work, progress } = options;
  const { spec } = settings.teacher;
  const state = fuseState(spec, teacher);
  return progress.stage("teacher's answers", work.teacherLogits, (onProgress) =>
    logitsOf(
      firstImages(data.train, settings.student.images),
      { form: "deploy", state },
      { device, spec, signal, onProgress },
    ),
  );
}

/** Takes a training from the folder when it is done there, continues it when it was stopped, else runs it. */
async function trainOnce(
  { settings, seeds, data, device, folder, progress, signal }: PipelineOptions,
  { name, seed, recipe, work, objective }: Training,
): Promise<Trained> {
  const stage = name === "teacher" ? name : `${name}-${seed}`;
  const title = name === "teacher" ? name : `student ${name}${seeds > 1 ? `, seed ${seed}` : ""}`;
  const say = ({ errors, seconds }: TrainingRecord, from: string) => {
    const total = data.test.length;
    progress.log(`${title}: ${errors} errors of ${total} (${percent(errors / total, 2)}), ${duration(seconds)}${from}`);
  };
  const finished = await folder.finishedTraining(stage);
  if (finished) {
    progress.skip(work);
    say(finished.record, " in the run before");
    return finished;
  }
  const resume = await folder.unfinishedTraining(stage);
  const chosen = await objective();
  const trained = await progress.stage(title, work, (onProgress) =>
    trainNetwork({
      ...{ name, seed, recipe, settings, data, device, objective: chosen, signal, resume, onProgress },
      save: (state) => folder.saveUnfinished(stage, state),
    }),
  );
  await folder.finishTraining(stage, recipe.spec, trained.record, trained.state);
  say(trained.record, "");
  return trained;
}
