import type { Device } from "@repvgg/backend";
import { layerPlan, profile, type RepVggSpec } from "@repvgg/core";
import { describeMachine } from "./machine.ts";
import type { Progress } from "./progress.ts";
import type { NetworkCost, QuickstartResult } from "./result.ts";
import type { RunFolder } from "./run-folder.ts";
import { describeSettings, type Settings } from "./settings.ts";
import { blockFigures } from "./stages/block-figures.ts";
import { confusionCounts, darkKnowledge, worstMistakes } from "./stages/judge.ts";
import { measureForms } from "./stages/measure-forms.ts";
import type { Mnist } from "./stages/mnist.ts";
import { logitsOf, proveFusion } from "./stages/prove.ts";
import { trainStudents, trainTeacher } from "./stages/trainings.ts";
import type { WorkPlan } from "./work.ts";

/** Mistakes that the report shows. */
const MISTAKES = 12;

export interface PipelineOptions {
  readonly settings: Settings;
  readonly seeds: number;
  readonly firstSeed: number;
  readonly data: Mnist;
  readonly device: Device;
  readonly folder: RunFolder;
  readonly work: WorkPlan;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Everything between the data and the report: trains what is not trained yet, fuses, proves, measures, writes the networks.
 *
 * @throws {RepvggError} `E_ABORTED`: the signal stopped it; what is done is in the folder.
 */
export async function runPipeline(options: PipelineOptions): Promise<Omit<QuickstartResult, "seconds" | "finishedAt">> {
  const { settings, data, device, folder, work, progress, signal } = options;
  const { test } = data;
  const { temperature, alpha } = settings;
  const { spec: teacherSpec } = settings.teacher;
  const { spec: studentSpec } = settings.student;

  const teacher = await trainTeacher(options);
  const { seeds, student } = await trainStudents(options, teacher.state);
  const { proof, fused, logits } = await progress.stage("proof", work.proof, (onProgress) =>
    proveFusion(test, student, { device, spec: studentSpec, signal, onProgress }),
  );
  const teacherLogits = await progress.stage("teacher's answers", work.testLogits, (onProgress) =>
    logitsOf(test, { form: "train", state: teacher.state }, { device, spec: teacherSpec, signal, onProgress }),
  );
  const latency = await measureForms(options, { teacher: teacher.state, student });

  await folder.saveNetwork("teacher.safetensors", teacherSpec, "train", teacher.state);
  await folder.saveNetwork("student.safetensors", studentSpec, "train", student);
  await folder.saveNetwork("student-deploy.safetensors", studentSpec, "deploy", fused);
  return {
    version: 1,
    classes: test.classes,
    testImages: test.length,
    temperature,
    alpha,
    teacher: teacher.record,
    seeds,
    costs: { teacher: costOf(teacherSpec, test.size), student: costOf(studentSpec, test.size) },
    confusion: confusionCounts(test, logits),
    darkKnowledge: darkKnowledge(test, teacherLogits, temperature),
    mistakes: worstMistakes(test, logits, teacherLogits, { temperature, limit: MISTAKES }),
    proof,
    latency,
    block: blockFigures(layerPlan(teacherSpec, test.size), "teacher"),
    machine: describeMachine(device),
    settings: describeSettings(settings),
    files: ["student.safetensors", "student-deploy.safetensors", "teacher.safetensors", "result.json", "report.html"],
  };
}

function costOf(spec: RepVggSpec, size: readonly [height: number, width: number]): NetworkCost {
  const plan = layerPlan(spec, size);
  const cost = (form: "train" | "deploy") => {
    const { params, macs } = profile(plan, form);
    return { params, macs };
  };
  return { train: cost("train"), deploy: cost("deploy") };
}
