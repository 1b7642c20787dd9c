import { readFile } from "node:fs/promises";
import { readEventFacts } from "./event.ts";
import { eventFiles } from "./event-writer.ts";
import { readTfRecords } from "./tf-record.ts";

export type ScalarPoint = readonly [step: number, value: number];

/**
 * The scalars of a folder's event files by tag, in the order in which they were written. What a crash cut off, or what is being
 * written, is left out.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: a file holds other records than events.
 */
export async function readScalars(folder: string): Promise<Map<string, ScalarPoint[]>> {
  const found = new Map<string, ScalarPoint[]>();
  for (const file of await eventFiles(folder)) {
    for (const { data } of readTfRecords(await readFile(file))) {
      const { step, scalars } = readEventFacts(data);
      for (const [tag, value] of scalars) {
        const points = found.get(tag);
        if (points) points.push([step, value]);
        else found.set(tag, [[step, value]]);
      }
    }
  }
  return found;
}
