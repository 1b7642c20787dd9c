import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, statfs, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Zippable, zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDataset } from "../open-dataset.ts";
import { jpeg, temporaryFolder, writeTree } from "../test-trees.ts";
import { downloadDataset, type PublishedDataset } from "./download-dataset.ts";
import { serveFile, startServer, type TestServer } from "./test-server.ts";
import { unpackZip } from "./unpack-zip.ts";

let folder: string;
let remove: () => Promise<void>;
let server: TestServer | undefined;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await remove();
});

const failure = (message: RegExp, code = "E_DATA") =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });
const text = (content: string) => Buffer.from(content);

async function unpack(archive: Uint8Array, { maxBytes = 1e6, signal = new AbortController().signal } = {}) {
  await writeFile(join(folder, "a.zip"), archive);
  const seen: number[][] = [];
  const onProgress = (...progress: number[]) => void seen.push(progress);
  await unpackZip(join(folder, "a.zip"), join(folder, "out"), { maxBytes, signal, onProgress });
  return { names: (await readdir(join(folder, "out"), { recursive: true })).sort(), seen };
}
/** A Unix archive's file type and permissions. */
const mode = (bits: number) => ({ os: 3, attrs: (bits << 16) >>> 0 });

describe("unpackZip", () => {
  it("unpacks stored and deflated files, in folders with entries of their own or without", async () => {
    const large = Buffer.alloc(300_000, "abc");
    const files: Zippable = {
      "set/": new Uint8Array(0),
      "set/é b.txt": [text("stored"), { level: 0 }],
      "set/deep/er/large.bin": [large, mode(0o100644)],
      "set/empty": new Uint8Array(0),
    };
    const { names, seen } = await unpack(zipSync(files));
    expect(names).toEqual(["set", "set/deep", "set/deep/er", "set/deep/er/large.bin", "set/empty", "set/é b.txt"]);
    expect(large.equals(await readFile(join(folder, "out/set/deep/er/large.bin")))).toBe(true);
    expect([seen[0], seen.at(-1)]).toEqual([
      [0, 4],
      [4, 4],
    ]);
  });

  it.each([
    ["leaves its folder", { "../evil.txt": text("x") }, /invalid relative path/],
    ["leaves it from within", { "a/../../evil.txt": text("x") }, /invalid relative path/],
    ["is absolute", { "/evil.txt": text("x") }, /absolute path/],
    ["is of a drive", { "C:/evil.txt": text("x") }, /absolute path/],
    ["has backslashes", { "..\\evil.txt": text("x") }, /invalid characters/],
    ["is a link", { link: [text("/etc"), mode(0o120777)] }, /no plain file or folder: link/],
    ["is a link that another system made", { link: [text("/etc"), { ...mode(0o120777), os: 19 }] }, /no plain file/],
    ["has a name for terminals", { "é\u001b[2J": text("x") }, /control characters in its name: "é\\u001b/],
    ["is larger than it should be", { big: new Uint8Array(2e6) }, /more than 1000000 bytes/],
  ] as [string, Zippable, RegExp][])("refuses an entry that %s", async (_, files, message) => {
    await expect(unpack(zipSync(files))).rejects.toThrow(failure(message));
    expect(await readdir(folder)).not.toContain("evil.txt");
  });

  it("refuses what is damaged: cut off, changed, no archive", async () => {
    const whole = zipSync({ "a.txt": [text("some text, stored"), { level: 0 }], "b.txt": text("b".repeat(500)) });
    await expect(unpack(whole.subarray(0, whole.length - 30))).rejects.toThrow(failure(/cannot be unpacked/));
    const changed = whole.slice();
    changed[Buffer.from(whole).indexOf("stored")]! ^= 1;
    await expect(unpack(changed)).rejects.toThrow(
      failure(/a\.txt has another checksum\. Move it away, and it is fetched again/),
    );
    await expect(unpack(text("<!doctype html>"))).rejects.toThrow(failure(/cannot be unpacked/));
  });

  it("makes the folder of an archive without entries", async () => {
    expect((await unpack(zipSync({}))).names).toEqual([]);
  });

  it("stops by the signal", async () => {
    await expect(unpack(zipSync({ a: text("a") }), { signal: AbortSignal.abort() })).rejects.toThrow(
      failure(/Unpacking was stopped/, "E_ABORTED"),
    );
  });
});

/** An archive that has Tiny-ImageNet's shape. */
async function archiveOfTiny(): Promise<Uint8Array> {
  const image = await jpeg();
  return zipSync({
    "tiny/wnids.txt": text("n01\n"),
    "tiny/train/n01/images/n01_0.JPEG": image,
    "tiny/val/images/val_0.JPEG": image,
    "tiny/val/val_annotations.txt": text("val_0.JPEG\tn01\t0\t0\t1\t1\n"),
  });
}

describe("downloadDataset", () => {
  const publish = async (archive: Uint8Array, handler = serveFile(archive)): Promise<PublishedDataset> => {
    server = await startServer(handler);
    return {
      url: `${server.url}/tiny.zip`,
      sizeBytes: archive.length,
      md5: createHash("md5").update(archive).digest("hex"),
      folder: "tiny",
      landmarks: ["wnids.txt", "val/val_annotations.txt"],
      unpackedBytes: 100_000,
    };
  };

  it("fetches and unpacks a data set that can be opened, once", async () => {
    const published = await publish(await archiveOfTiny());
    const phases = new Set<string>();
    const out = join(folder, "new folder");
    const made = await downloadDataset(published, out, { onProgress: (phase) => phases.add(phase) });
    expect(made).toBe(join(out, "tiny"));
    expect([...phases]).toEqual(["download", "unpack"]);
    expect(await readdir(out)).toEqual(["tiny"]);
    expect((await openDataset(made)).kind).toBe("tiny-imagenet");
    await downloadDataset(published, out);
    expect(server!.requests).toHaveLength(1);
  });

  it("takes an archive that is there, and leaves it where asked; refuses another one", async () => {
    const archive = await archiveOfTiny();
    const published = await publish(archive);
    await writeFile(join(folder, "tiny.zip"), archive);
    await mkdir(join(folder, "tiny.unpacking/half"), { recursive: true }); // of a run that was killed
    await downloadDataset(published, folder, { keepArchive: true });
    expect([server!.requests.length, (await readdir(folder)).sort()]).toEqual([0, ["tiny", "tiny.zip"]]);
    await writeTree(folder, { "other/tiny.zip": "something" });
    await expect(downloadDataset(published, join(folder, "other"))).rejects.toThrow(
      failure(/its MD5 is .* instead of/),
    );
    await mkdir(join(folder, "third/tiny.zip"), { recursive: true });
    await expect(downloadDataset(published, join(folder, "third"))).rejects.toThrow(
      failure(/tiny\.zip cannot be read: .*Move it away/),
    );
  });

  it("refuses an archive without entries", async () => {
    const published = await publish(zipSync({}));
    await expect(downloadDataset(published, folder)).rejects.toThrow(
      failure(/is not the data set: it has no wnids\.txt\. Move it away/),
    );
    expect(await readdir(folder)).toEqual(["tiny.zip"]);
  });

  it("needs no room for what is there already, and stops while it reads that", async () => {
    const published = await publish(await archiveOfTiny());
    const { bavail, bsize } = await statfs(folder);
    const sizeBytes = bavail * bsize + 1e9;
    await writeFile(join(folder, "tiny.zip"), "");
    await truncate(join(folder, "tiny.zip"), sizeBytes); // sparse
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    await expect(downloadDataset({ ...published, sizeBytes }, folder, { signal: controller.signal })).rejects.toThrow(
      failure(/Reading .*tiny\.zip was stopped/, "E_ABORTED"),
    );
  });

  it("goes on after it was stopped, and unpacks anew", async () => {
    const archive = await archiveOfTiny();
    const controller = new AbortController();
    const published = await publish(archive, (request, response, count) => {
      if (count > 1) return serveFile(archive)(request, response, count);
      response.writeHead(200, { etag: '"1"', "content-length": archive.length }).write(archive.subarray(0, 300));
    });
    const onProgress = (_: string, done: number) => void (done === 300 && controller.abort());
    await expect(downloadDataset(published, folder, { signal: controller.signal, onProgress })).rejects.toThrow(
      failure(/stopped after 300 of/, "E_ABORTED"),
    );
    const whileUnpacking = new AbortController();
    const stop = (phase: string) => void (phase === "unpack" && whileUnpacking.abort());
    await expect(
      downloadDataset(published, folder, { signal: whileUnpacking.signal, onProgress: stop }),
    ).rejects.toThrow(failure(/the archive is kept/, "E_ABORTED"));
    expect(await readdir(folder)).toEqual(["tiny.zip"]);
    await downloadDataset(published, folder);
    expect(await readdir(folder)).toEqual(["tiny"]);
    expect(server!.requests.map(({ range }) => range)).toEqual([undefined, "bytes=300-"]);
  });

  it("refuses a folder that is something else, an archive of something else, and a disk without room", async () => {
    const published = await publish(zipSync({ "other/file.txt": text("x") }));
    await expect(downloadDataset(published, folder)).rejects.toThrow(
      failure(/is not the data set: it has no wnids\.txt/),
    );
    expect(await readdir(folder)).toEqual(["tiny.zip"]);
    await expect(downloadDataset({ ...published, unpackedBytes: 1e18 }, join(folder, "elsewhere"))).rejects.toThrow(
      failure(/MB free, and \d+ MB are needed/),
    );
    await mkdir(join(folder, "tiny"));
    await expect(downloadDataset(published, folder)).rejects.toThrow(failure(/is there, but is not the data set/));
  });

  it("takes another archive from another address, by its own checksum or by none", async () => {
    const archive = await archiveOfTiny();
    const published = { ...(await publish(archive)), sizeBytes: 1, md5: "0".repeat(32) };
    await expect(downloadDataset(published, folder)).rejects.toThrow(failure(/instead of 1 bytes/));
    const md5 = createHash("md5").update(archive).digest("hex");
    await downloadDataset(published, join(folder, "a"), { url: `${server!.url}/other.zip`, md5 });
    await downloadDataset(published, join(folder, "b"), { md5: false });
    await expect(downloadDataset(published, join(folder, "c"), { md5: "1".repeat(32) })).rejects.toThrow(
      failure(/MD5/),
    );
  });
});
