import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LIBRARIES } from "./find-tensorflow.ts";
import { assertWritable, linkTensorflow } from "./link-tensorflow.ts";
import { findBinding } from "./tensorflow-packages.ts";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "repvgg-link-"));
});
afterAll(() => rmSync(root, { recursive: true }));

function write(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, data);
}

/** What is linked: where each library lies, and when the addon was built. */
function linked() {
  const { folder, addon } = findBinding("native")!;
  const libraries = join(folder, "deps", "lib");
  const links = existsSync(libraries) ? readdirSync(libraries).map((name) => readlinkSync(join(libraries, name))) : [];
  return { links, built: statSync(addon, { throwIfNoEntry: false })?.mtimeMs };
}

describe.skipIf(process.platform === "win32")("linkTensorflow", () => {
  it("leaves what is linked where another TensorFlow is damaged", async () => {
    for (const library of LIBRARIES) {
      const elf = Buffer.alloc(64); // the header alone, as of a download that broke off
      elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
      elf.writeUInt16LE(process.arch === "arm64" ? 183 : 62, 18);
      write(join(root, "tensorflow", library), elf);
    }
    write(join(root, "tensorflow/include/tensorflow/c/eager/c_api.h"), "");
    const before = linked();
    await expect(linkTensorflow({ from: root })).rejects.toMatchObject({ code: "E_DEVICE" });
    expect(linked()).toEqual(before);
  });

  it("says so where the package cannot be written to", () => {
    write(join(root, "file"), "");
    expect(() => assertWritable(join(root, "file", "lib"))).toThrow(
      expect.objectContaining({ code: "E_DEVICE", message: expect.stringContaining("cannot be written to (ENOTDIR)") }),
    );
  });
});
