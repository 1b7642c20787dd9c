import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findTensorflow, LIBRARIES } from "./find-tensorflow.ts";
import { findBinding } from "./tensorflow-packages.ts";

let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "repvgg-")));
});
afterAll(() => rmSync(root, { recursive: true }));

/** The header of a library for Linux on a processor, by ELF's number. */
function elf(machine: number): Buffer {
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  header.writeUInt16LE(machine, 18);
  return header;
}
const HERE = process.arch === "arm64" ? 183 : 62;

function write(path: string, data: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, data);
  return path;
}

/** A folder that looks like site-packages with a TensorFlow. */
function sitePackages(name: string, { machine = HERE, library = elf(machine) as Uint8Array, headers = true } = {}) {
  const folder = join(root, name);
  for (const file of LIBRARIES) write(join(folder, "tensorflow", file), library);
  if (headers) write(join(folder, "tensorflow/include/tensorflow/c/eager/c_api.h"), "");
  return folder;
}

function python(name: string, script: string): string {
  const path = write(join(root, name), `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const find = (from: string) => findTensorflow(from, findBinding("native")!.folder);

describe.skipIf(process.platform === "win32")("findTensorflow", () => {
  it("finds it in site-packages, in its own folder, and through Python", () => {
    const folder = sitePackages("good");
    const tensorflow = join(folder, "tensorflow");
    expect(find(folder)).toBe(tensorflow);
    expect(find(tensorflow)).toBe(tensorflow);
    expect(find(python("python", `echo ${tensorflow}`))).toBe(tensorflow);
  });

  it.runIf(process.platform === "linux").each([
    ["another processor", () => sitePackages("foreign", { machine: 8 }), /is for another processor, this Node for/],
    ["a damaged library", () => sitePackages("damaged", { library: Buffer.alloc(64) }), /is no library of Linux/],
    ["an empty library", () => sitePackages("empty", { library: Buffer.alloc(0) }), /is no library of Linux/],
  ])("refuses %s", (_, make, message) => {
    expect(() => find(make())).toThrow(
      expect.objectContaining({ code: "E_DEVICE", message: expect.stringMatching(message) }),
    );
  });

  it.each([
    ["a folder without TensorFlow", () => dirname(write(join(root, "none/file"), "")), /2\.12 or newer is needed/],
    ["an installation without headers", () => sitePackages("bare", { headers: false }), /has no headers/],
    ["no Python", () => join(root, "no-python"), /^There is no ".*no-python"\. Install Python/],
    ["a Python that may not be run", () => write(join(root, "no-program"), ""), /no-program cannot be run \(EACCES\)/],
    ["a Python without TensorFlow", () => python("bare-python", "echo"), /has no TensorFlow\. Run: .* -m pip install/],
    ["a Python that fails", () => python("bad-python", "echo 'oh no' >&2; exit 3"), /bad-python failed: oh no\./],
    ["no wheel", () => join(root, "none.whl"), /There is no file .*none\.whl/],
    ["a file that is no wheel", () => write(join(root, "bad.whl"), "no zip"), /bad\.whl cannot be read as a wheel/],
  ])("refuses %s, and says what to do", (_, make, message) => {
    expect(() => find(make())).toThrow(
      expect.objectContaining({ code: "E_DEVICE", message: expect.stringMatching(message) }),
    );
  });
});
