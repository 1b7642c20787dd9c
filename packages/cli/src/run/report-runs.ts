import { resolve } from "node:path";
import { writeFileAtomically } from "@repvgg/checkpoint/node";
import type { CommandResult } from "../command.ts";
import { comparisonPage } from "../report/comparison-page.ts";
import { readRun } from "../report/read-run.ts";
import { runPage } from "../report/run-page.ts";
import { runFiles } from "./run-folder.ts";

const COMPARISON = "comparison.html";

/** `repvgg report`: the page of one run, or one that compares several. */
export async function reportRuns(
  folders: readonly string[],
  { out }: { out?: string | undefined },
): Promise<CommandResult> {
  const distinct = folders.filter(
    (folder, i) => folders.findIndex((other) => resolve(other) === resolve(folder)) === i,
  );
  const runs = await Promise.all(distinct.map(readRun));
  const now = new Date();
  const single = runs.length === 1 ? runs[0] : undefined;
  const file = out ?? (single ? runFiles(single.folder).report : COMPARISON);
  await writeFileAtomically(file, single ? runPage(single, now) : comparisonPage(runs, now));
  return { value: { file }, text: `${single ? "Report" : `Comparison of ${runs.length} runs`}: ${file}` };
}
