import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeFolder } from "./make-folder.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "repvgg-make-folder-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("makeFolder", () => {
  it("makes a folder and those that it is in, once", async () => {
    const path = join(root, "a", "b", "c");
    await makeFolder(path);
    await makeFolder(path);
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it("makes one folder for all who ask at once", async () => {
    const path = join(root, "same", "b");
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(path)));
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it("refuses to go through a file", async () => {
    await writeFile(join(root, "file"), "");
    await expect(makeFolder(join(root, "file"))).rejects.toMatchObject({ code: "EEXIST" });
    await expect(makeFolder(join(root, "file", "b"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  it.runIf(process.platform === "linux").each(["/proc/x", "/proc/x/y"])(
    "ends where no folder can be: %s",
    async (path) => {
      await expect(makeFolder(path)).rejects.toMatchObject({ code: "ENOENT" });
    },
  );
});
