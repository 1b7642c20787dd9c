import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { runFiles } from "../run/run-folder.ts";
import { readRun } from "./read-run.ts";
import { runPage } from "./run-page.ts";

/**
 * Writes `report.html` of a run from what its folder says.
 *
 * @returns Where it is.
 */
export async function writeRunReport(folder: string): Promise<string> {
  const file = runFiles(folder).report;
  await writeFileAtomically(file, runPage(await readRun(folder), new Date()));
  return file;
}
