import { appendFile, readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { fileVersionEvent, type SummaryValue, summaryEvent } from "./event.ts";
import { tfRecord } from "./tf-record.ts";

const PREFIX = "events.out.tfevents.";

/** The event files of a folder, oldest first, which is the order that TensorBoard reads them in. */
export async function eventFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.startsWith(PREFIX))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Writes a TensorBoard event file, `events.out.tfevents.*`, in a folder: `tensorboard --logdir FOLDER` shows it.
 *
 *     const events = await EventWriter.open("runs/mine");
 *     events.add([{ tag: "train/loss", scalar: 0.9 }], step);
 *     await events.flush();
 *
 * Nothing is on the disk before {@link flush}. What was cut off by a crash is left out by readers, and by
 * `trimEventFiles`.
 */
export class EventWriter {
  readonly file: string;
  #pending: Uint8Array[] = [];
  #begun = false;

  private constructor(file: string) {
    this.file = file;
  }

  /** A new file after those that the folder has; it is made when there is something to write. */
  static async open(folder: string): Promise<EventWriter> {
    const last = (await eventFiles(folder)).at(-1);
    const lastSeconds = Number(/tfevents\.(\d+)/.exec(last ?? "")?.[1] ?? 0);
    const seconds = Math.max(Math.floor(Date.now() / 1000), lastSeconds + 1); // names are in the order of time
    return new EventWriter(join(folder, `${PREFIX}${seconds}.${hostname()}.${process.pid}.0`));
  }

  /** @param step 0 or more. */
  add(values: readonly SummaryValue[], step: number): void {
    if (!this.#begun) this.#pending.push(tfRecord(fileVersionEvent(Date.now() / 1000)));
    this.#begun = true;
    this.#pending.push(tfRecord(summaryEvent(values, step, Date.now() / 1000)));
  }

  /**
   * Appends what was added to the file.
   *
   * @throws {RepvggError} `E_CHECKPOINT`: the disk is full, the folder is gone, …
   */
  async flush(): Promise<void> {
    const records = this.#pending;
    this.#pending = [];
    if (records.length === 0) return;
    try {
      await appendFile(this.file, Buffer.concat(records));
    } catch (cause) {
      throw new RepvggError("E_CHECKPOINT", `${this.file} could not be written: ${(cause as Error).message}.`, {
        cause,
      });
    }
  }
}
