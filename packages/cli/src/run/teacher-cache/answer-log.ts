import { type FileHandle, open } from "node:fs/promises";
import { reasonOf } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import { type AnswerStore, imageOfRow, isWholeRow } from "@repvgg/distill";

/** Bytes that are read at once while a file is looked through. */
const PIECE = 2 ** 22;

export interface AnswerLogOptions {
  /** The file of an epoch, counted from 0. */
  fileOf(epoch: number): string;
  readonly rowBytes: number;
  /** Called before anything is written. */
  beforeWriting(): Promise<void>;
  /** Told of damage. */
  note(text: string): void;
}

/** The file that is open, and where the row of each image is in it. */
interface OpenFile {
  readonly epoch: number;
  readonly file: string;
  readonly handle: FileHandle | undefined;
  readonly rowOf: Map<number, number>;
  /** Rows that are damaged: their place is used again. */
  readonly free: number[];
  /** Whole rows, damaged ones included. What a killed process left behind them is no row. */
  rows: number;
}

/**
 * A teacher's answers on disk: a file an epoch, of rows of one length in the order in which they were asked for, which is that of
 * the epoch. A process may be killed at any moment: a row that is not whole counts as missing.
 */
export class AnswerLog implements AnswerStore {
  readonly #options: AnswerLogOptions;
  #open: OpenFile | undefined;
  #writes = false;

  constructor(options: AnswerLogOptions) {
    this.#options = options;
  }

  /** @throws {RepvggError} `E_CHECKPOINT`: the file cannot be read. */
  async read(epoch: number, images: Int32Array): Promise<(Uint8Array | undefined)[]> {
    const { rowBytes } = this.#options;
    const { handle, rowOf } = await this.#fileOf(epoch);
    const found = Array.from(images, (image, n) => ({ n, row: rowOf.get(image) }));
    const wanted = found.filter((one): one is { n: number; row: number } => one.row !== undefined);
    const rows: (Uint8Array | undefined)[] = found.map(() => undefined);
    if (!handle) return rows;
    for (const run of neighbours(wanted)) {
      const bytes = await readBytes(handle, run.length * rowBytes, run[0]!.row * rowBytes);
      run.forEach(({ n }, i) => {
        const row = bytes.subarray(i * rowBytes, (i + 1) * rowBytes);
        if (row.length === rowBytes && isWholeRow(row)) rows[n] = row;
      });
    }
    return rows;
  }

  /** @throws {RepvggError} `E_CHECKPOINT`: it cannot be written; what was there before still is. */
  async append(epoch: number, rows: readonly Uint8Array[]): Promise<void> {
    const { rowBytes } = this.#options;
    const opened = await this.#fileToWrite(epoch);
    const { file, rowOf, free } = opened;
    const handle = opened.handle!;
    const mended = rows.slice(0, free.length);
    const added = rows.slice(free.length);
    try {
      for (const row of mended) {
        const place = free.pop()!;
        await writeBytes(handle, row, place * rowBytes);
        rowOf.set(imageOfRow(row), place);
      }
      await writeBytes(handle, Buffer.concat(added), opened.rows * rowBytes);
    } catch (cause) {
      throw new RepvggError(
        "E_CHECKPOINT",
        `The teacher's answers could not be written to ${file}: ${reasonOf(cause, file)}`,
        { cause },
      );
    }
    for (const row of added) rowOf.set(imageOfRow(row), opened.rows++);
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    const { handle } = this.#open ?? {};
    this.#open = undefined;
    await handle?.close();
  }

  async #fileOf(epoch: number): Promise<OpenFile> {
    if (this.#open?.epoch === epoch) return this.#open;
    await this.close();
    const file = this.#options.fileOf(epoch);
    const handle = await open(file, this.#writes ? "r+" : "r").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return undefined;
      throw new RepvggError("E_CHECKPOINT", `The teacher's answers in ${file} cannot be read: ${cause.message}`, {
        cause,
      });
    });
    const opened: OpenFile = { epoch, file, handle, rowOf: new Map(), free: [], rows: 0 };
    this.#open = opened;
    if (handle) await this.#lookThrough(opened, handle);
    return opened;
  }

  /** The file as it is now that nobody else writes to it. */
  async #fileToWrite(epoch: number): Promise<OpenFile> {
    if (!this.#writes) {
      await this.#options.beforeWriting();
      this.#writes = true;
      await this.close();
    }
    const opened = await this.#fileOf(epoch);
    if (opened.handle) return opened;
    const { file } = opened;
    const handle = await open(file, "w+").catch((cause) => {
      throw new RepvggError("E_CHECKPOINT", `${file} could not be written: ${reasonOf(cause, file)}`, { cause });
    });
    this.#open = { ...opened, handle };
    return this.#open;
  }

  async #lookThrough(opened: OpenFile, handle: FileHandle): Promise<void> {
    const { rowBytes, note } = this.#options;
    const { rowOf, free, file } = opened;
    const atOnce = Math.max(1, Math.floor(PIECE / rowBytes));
    for (;;) {
      const piece = await readBytes(handle, atOnce * rowBytes, opened.rows * rowBytes);
      const whole = Math.floor(piece.length / rowBytes);
      for (let i = 0; i < whole; i++, opened.rows++) {
        const row = piece.subarray(i * rowBytes, (i + 1) * rowBytes);
        if (isWholeRow(row)) rowOf.set(imageOfRow(row), opened.rows);
        else free.push(opened.rows);
      }
      if (whole < atOnce) break;
    }
    if (free.length > 0) {
      note(`${file}: ${free.length} of ${opened.rows} kept answers are damaged; the teacher is asked for them again.`);
    }
  }
}

/** Runs of rows that lie one behind the other, to be read at once. */
function neighbours(wanted: readonly { n: number; row: number }[]): { n: number; row: number }[][] {
  const runs: { n: number; row: number }[][] = [];
  for (const one of [...wanted].sort((a, b) => a.row - b.row)) {
    const run = runs.at(-1);
    if (run && run.at(-1)!.row + 1 === one.row) run.push(one);
    else runs.push([one]);
  }
  return runs;
}

/** Fewer at the end of the file. */
async function readBytes(handle: FileHandle, length: number, position: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

async function writeBytes(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
