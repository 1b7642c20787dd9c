import {
  averageTeacher,
  crossEntropyObjective,
  distillationObjective,
  ensembleTeacher,
  type Objective,
  type Teacher,
} from "@repvgg/distill";
import { ensembleTemperature, lossTerms } from "./loss-terms.ts";
import { type OpenTeacher, openTeacher, type TeacherSurroundings } from "./open-teacher.ts";
import type { CurrentStudent } from "./open-training.ts";
import { type CacheUse, TeacherCache } from "./teacher-cache/teacher-cache.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** What the network learns from, and the teachers' memory to give back afterwards. */
export interface OpenObjective {
  readonly objective: Objective;
  /** What the disk has given until now, where the teacher's answers are kept. */
  cacheUse?(): CacheUse;
  dispose(): Promise<void>;
}

export interface ObjectiveSurroundings extends TeacherSurroundings {
  readonly student: CurrentStudent;
}

/**
 * The labels, or the labels and a teacher.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: a teacher is no better than chance.
 */
export async function openObjective(plan: TrainingPlan, surroundings: ObjectiveSurroundings): Promise<OpenObjective> {
  const { teacher, settings } = plan;
  if (teacher === undefined) {
    const { labelSmoothing = 0 } = settings;
    return { objective: crossEntropyObjective({ labelSmoothing }), dispose: async () => {} };
  }
  const terms = lossTerms(settings);
  const under = (chosen: Teacher) => distillationObjective({ teacher: chosen, terms, seed: settings.seed });
  if (teacher.networks.length === 0) {
    return { objective: under(averageTeacher(currentOf(surroundings.student))), dispose: async () => {} };
  }
  const cache = plan.cache && new TeacherCache(plan.cache, plan, surroundings.terminal);
  const open: OpenTeacher[] = [];
  const dispose = async () => {
    await cache?.close();
    for (const one of open) await one.dispose();
  };
  try {
    for (const [i, network] of teacher.networks.entries()) {
      const kept = cache && {
        judgement: cache.judgementOf(i),
        keepJudgement: cache.keepJudgement.bind(cache, i),
        recorded: cache.recorded.bind(cache, i),
      };
      open.push(await openTeacher(plan, network, surroundings, kept));
    }
    await cache?.begin();
    const teachers = open.map((one) => one.teacher);
    const temperature = ensembleTemperature(settings);
    return {
      objective: under(teachers.length === 1 ? teachers[0]! : ensembleTeacher(teachers, { temperature })),
      ...(cache && { cacheUse: () => cache.use }),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Asks the network that learns at the moment. */
function currentOf(student: CurrentStudent): Parameters<typeof averageTeacher>[0] {
  return {
    predict: (images) => student.network.predict(images),
    predictAverage: (images) => student.network.predictAverage(images),
    exportAverage: () => student.network.exportAverage(),
  };
}
