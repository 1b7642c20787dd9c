import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CACHED_IMAGE, TEMPORARY } from "./disk-cache.ts";

/** No image takes as long to be written: who began it was killed. */
const ABANDONED_MS = 3_600_000;

interface Entry {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/**
 * Looks through a folder of cached images, which other processes may be using, and makes room in it. Those that nobody has used
 * for longest go first; those used since `sinceMs` stay, for then it is the running epochs that are larger than the folder may be,
 * and to throw out an image of theirs for another gains nothing.
 *
 * @param room Bytes that should be free below `limit`.
 * @returns The bytes of the images that are there now; 0 where there is no such folder.
 */
export function tidyCache(folder: string, { limit, room, sinceMs }: { limit: number; room: number; sinceMs: number }) {
  const entries: Entry[] = [];
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false }); // Another process may have removed it.
    if (!stats) continue;
    const { size: bytes, mtimeMs: usedMs } = stats;
    if (name.endsWith(CACHED_IMAGE)) entries.push({ path, bytes, usedMs });
    else if (name.endsWith(TEMPORARY) && Date.now() - usedMs > ABANDONED_MS) removed(path);
  }
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total + room <= limit) return total;
  const unused = entries.filter(({ usedMs }) => usedMs < sinceMs).sort((a, b) => a.usedMs - b.usedMs);
  for (const { path, bytes } of unused) {
    if (total + room <= limit) break;
    if (removed(path)) total -= bytes;
  }
  return total;
}

function removed(path: string): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    return false; // Somebody has it open, where systems mind that, or the folder may only be read.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch {
    return []; // It does not exist yet, or cannot be read: writing to it will tell.
  }
}
