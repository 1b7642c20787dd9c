import { join } from "node:path";
import { reasonOf, writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import { makeFolder } from "@repvgg/data/node";
import { answerRowBytes, recordedTeacher, type Teacher } from "@repvgg/distill";
import type { Terminal } from "../../terminal.ts";
import type { Judgement } from "../check-teacher.ts";
import { lockFolder, unlockFolder } from "../run-lock.ts";
import type { TrainingPlan } from "../training-plan.ts";
import { AnswerLog } from "./answer-log.ts";
import { manifestFile, manifestText, type PlannedCache } from "./plan-cache.ts";

/** How many answers came from the disk, and of how many images a teacher was asked. */
export interface CacheUse {
  readonly folder: string;
  readonly kept: number;
  readonly asked: number;
}

/** The answers of a training's teachers, on disk while it runs: a folder each. */
export class TeacherCache {
  readonly #planned: PlannedCache;
  readonly #format: { readonly numClasses: number; readonly topK: number | undefined };
  readonly #names: readonly string[];
  readonly #judgements: (Judgement | undefined)[];
  readonly #logs: AnswerLog[] = [];
  readonly #note: (text: string) => void;
  #isLocked = false;
  #kept = 0;
  #asked = 0;

  constructor(planned: PlannedCache, { spec, settings, teacher }: TrainingPlan, terminal: Pick<Terminal, "note">) {
    this.#planned = planned;
    this.#format = { numClasses: spec.numClasses, topK: settings.cacheTopK };
    this.#names = teacher!.networks.map(({ name }) => name);
    this.#judgements = this.#names.map((_, i) => planned.found?.teachers[i]?.judgement);
    this.#note = (text) => terminal.note(text);
  }

  /** How good a teacher was when it was asked first; undefined where nobody judged it. @param index Of the teacher. */
  judgementOf(index: number): Judgement | undefined {
    return this.#judgements[index];
  }

  keepJudgement(index: number, judgement: Judgement): void {
    this.#judgements[index] = judgement;
  }

  /**
   * Says in the folder what it holds; before the first answer.
   *
   * @throws {RepvggError} `E_CHECKPOINT`: it cannot be written.
   */
  async begin(): Promise<void> {
    const { folder, key, found } = this.#planned;
    const teachers = this.#names.map((name, i) => {
      const judgement = this.#judgements[i];
      return { name, ...(judgement && { judgement }) };
    });
    this.#note(`Teacher's answers: ${folder}${found ? "" : ", new"}`);
    const text = manifestText(key, teachers);
    if (found && text === manifestText(found.key, found.teachers)) return;
    try {
      for (let i = 0; i < teachers.length; i++) await makeFolder(this.#folderOf(i));
    } catch (cause) {
      throw new RepvggError("E_CHECKPOINT", `${folder} could not be made: ${reasonOf(cause, folder)}`, { cause });
    }
    await writeFileAtomically(manifestFile(folder), text);
  }

  /** The teacher, asked for what is not kept yet only. @param index Of the teacher. */
  recorded(index: number, teacher: Teacher): Teacher {
    const { folder, changing } = this.#planned;
    const store = new AnswerLog({
      fileOf: (epoch) => join(this.#folderOf(index), changing ? `epoch-${epoch + 1}.answers` : "images.answers"),
      rowBytes: answerRowBytes(this.#format),
      beforeWriting: async () => {
        if (!this.#isLocked) await lockFolder(folder, `the teacher's answers in ${folder}`);
        this.#isLocked = true;
      },
      note: this.#note,
    });
    this.#logs.push(store);
    const onBatch = ({ kept, asked }: { kept: number; asked: number }) => {
      this.#kept += kept;
      this.#asked += asked;
    };
    return recordedTeacher({ ...this.#format, teacher, store, changing, onBatch });
  }

  get use(): CacheUse {
    return { folder: this.#planned.folder, kept: this.#kept, asked: this.#asked };
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    for (const log of this.#logs) await log.close();
    if (this.#isLocked) await unlockFolder(this.#planned.folder);
    this.#isLocked = false;
  }

  #folderOf(index: number): string {
    return join(this.#planned.folder, `teacher-${index + 1}`);
  }
}
