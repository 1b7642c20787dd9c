import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder and those that it is in, where they are not there.
 *
 * Not by `mkdir`'s own `recursive`: that never returns below a folder that refuses new names with ENOENT, as /proc does.
 *
 * @throws The file system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return; // the code may be EEXIST, of a drive's root EPERM
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const parent = dirname(path);
    if (!(await isFolder(parent))) await makeFolder(parent);
    // Once more also where the parent is there: somebody else may have made it meanwhile.
    await mkdir(path).catch(async (again) => {
      if (!(await isFolder(path))) throw again;
    });
  }
}

const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
