import { readFile } from "node:fs/promises";
import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { runFiles } from "../run/run-folder.ts";

/** What `status.json` says: how far a run is, and how it ended. */
export interface RunStatus {
  /** `running` also of a run that was killed: `updatedAt` is then long ago. */
  readonly state: "running" | "finished" | "stopped" | "failed";
  /** Why it was stopped or failed. */
  readonly message?: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly epochs: number;
  /** Expected until the end, while it runs. */
  readonly etaSeconds?: number;
  readonly device: string;
  readonly threads: number;
  /** ISO 8601. */
  readonly updatedAt: string;
}

export async function writeStatus(folder: string, status: RunStatus): Promise<void> {
  await writeFileAtomically(runFiles(folder).status, `${JSON.stringify(status, undefined, 2)}\n`);
}

/** Undefined where none was written yet, or it cannot be read: a run is worth looking at all the same. */
export async function readStatus(folder: string): Promise<RunStatus | undefined> {
  try {
    return JSON.parse(await readFile(runFiles(folder).status, "utf8"));
  } catch {
    return undefined;
  }
}
