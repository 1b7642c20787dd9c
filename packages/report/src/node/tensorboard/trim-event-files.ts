import { readFile, rm } from "node:fs/promises";
import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { type EventFacts, readEventFacts } from "./event.ts";
import { eventFiles } from "./event-writer.ts";
import { readTfRecords } from "./tf-record.ts";

/**
 * Cuts each event file of a folder before the first event that is not to be kept, and before a record that a crash cut off:
 * a continued run writes its steps again, and no step may be there twice. A file of which nothing is left is removed.
 */
export async function trimEventFiles(folder: string, keep: (event: EventFacts) => boolean): Promise<void> {
  for (const file of await eventFiles(folder)) {
    const bytes = await readFile(file);
    const { end, events } = keptPart(bytes, keep);
    if (events === 0) await rm(file);
    else if (end < bytes.length) await writeFileAtomically(file, bytes.subarray(0, end));
  }
}

/** How long the part to keep is, and how many events it has besides those that only name the format. */
function keptPart(bytes: Uint8Array, keep: (event: EventFacts) => boolean): { end: number; events: number } {
  let kept = { end: 0, events: 0 };
  for (const { data, end } of readTfRecords(bytes)) {
    const facts = readEventFacts(data);
    if (facts.tags.length > 0 && !keep(facts)) break;
    kept = { end, events: kept.events + (facts.tags.length > 0 ? 1 : 0) };
  }
  return kept;
}
