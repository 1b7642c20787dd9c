import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import type { Content } from "../content.ts";
import { removeAtEnd } from "./remove-at-end.ts";

export interface WriteOptions {
  /** Opens the temporary file for writing. @default a new file beside the target */
  open?: (temporary: string) => Promise<FileHandle>;
  /** Looks at the complete temporary file; what it throws leaves `file` as it was. @default nothing */
  check?: (temporary: string) => Promise<void>;
}

const UNFINISHED = /^\.(.+)\.[0-9a-f]{12}\.tmp$/;

/**
 * Writes a file completely or not at all: under another name in the same folder, to the disk, then renamed. Whoever reads
 * `file` sees the old content or the new one, also after a crash or a power cut. A link stays one: what it leads to is replaced.
 *
 * @param content Made piece by piece, it need not be in memory as a whole.
 * @throws {RepvggError} `E_CHECKPOINT`: the disk is full, the folder is missing or read-only, `file` is a device, … What was at `file` before is
 *   still there, and nothing else is left; not either when Ctrl-C or SIGTERM ends the process meanwhile.
 */
export async function writeFileAtomically(
  file: string,
  content: Content | Uint8Array | string,
  { open: openTemporary = createNew, check }: WriteOptions = {},
): Promise<void> {
  const target = await replaceable(file);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
  const keep = removeAtEnd(temporary);
  try {
    const handle = await openTemporary(temporary);
    try {
      await writeFile(handle, isContent(content) ? content.chunks() : content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await check?.(temporary);
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    if (cause instanceof RepvggError) throw cause;
    throw new RepvggError("E_CHECKPOINT", `${file} could not be written: ${reasonOf(cause, file)}`, { cause });
  } finally {
    keep();
  }
  await syncFolder(dirname(target));
}

/**
 * Removes what a killed process had begun to write by {@link writeFileAtomically}. For the one process that may write these files.
 *
 * @param isOurs Whether to remove the beginnings of the file of this name.
 */
export async function removeUnfinished(folder: string, isOurs: (name: string) => boolean): Promise<void> {
  for (const temporary of await readdir(folder)) {
    const [, name] = UNFINISHED.exec(temporary) ?? [];
    if (name !== undefined && isOurs(name)) await rm(join(folder, temporary), { force: true });
  }
}

/**
 * The file that a name leads to. A rename would put a file in the place of a device, such as `/dev/null`, for everybody.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: it is a device, a pipe or a socket.
 */
async function replaceable(file: string): Promise<string> {
  const target = await realpath(file).catch(() => file); // Mostly there is nothing yet; what else is wrong shows in writing.
  const there = await stat(target).catch(() => undefined);
  if (there === undefined || there.isFile() || there.isDirectory()) return target;
  throw new RepvggError(
    "E_CHECKPOINT",
    `${file} could not be written: it is a device, a pipe or a socket, and files are written under another name first. Give a file.`,
  );
}

const isContent = (content: Content | Uint8Array | string): content is Content =>
  typeof content === "object" && "chunks" in content;

const createNew = (temporary: string) => open(temporary, "wx");

/** So that the new name, too, survives a power cut. Not every system can (Windows refuses to open folders). */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    // The file itself is complete and on the disk.
  }
}

/** Why the file system refused, in a sentence for people. */
export function reasonOf(cause: unknown, file: string): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return "the disk is full. Free some space, or choose another folder; nothing was left half-written.";
    case "EFBIG":
      return "it is larger than a file may be here (`ulimit -f`, or the file system's limit); nothing was left half-written.";
    case "ENOENT":
      return `the folder ${dirname(file)} does not exist. Create it first.`;
    case "ENOTDIR":
      return `${dirname(file)} is not a folder.`;
    case "EISDIR":
      return "there is a folder of this name. Choose another name.";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `the folder ${dirname(file)} may not be written to. Check its permissions, or choose another one.`;
    default:
      return `${message}.`;
  }
}
