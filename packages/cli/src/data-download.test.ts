import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandInFolder, start } from "./test-cli.ts";

const command = commandInFolder();
let server: Server;
let url: string;
const archive = zipSync({
  "tiny-imagenet-200/wnids.txt": Buffer.from("n01443537\n"),
  "tiny-imagenet-200/words.txt": Buffer.from("n01443537\tgoldfish\n"),
  "tiny-imagenet-200/train/n01443537/images/a.JPEG": Buffer.from("not looked at"),
  "tiny-imagenet-200/val/val_annotations.txt": Buffer.from(""),
});
const md5 = createHash("md5").update(archive).digest("hex");
const ranges: (string | undefined)[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = { "content-range": `bytes ${from}-${archive.length - 1}/${archive.length}` };
    const headers = { etag: '"1"', "content-length": archive.length - from, ...(from > 0 && range) };
    response.writeHead(from > 0 ? 206 : 200, headers);
    // The first answer hangs after a while, as on a bad line.
    if (ranges.length === 1) response.write(archive.subarray(0, 200));
    else response.end(archive.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tiny.zip`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe("data download", () => {
  it("is stopped by Ctrl-C, goes on where it was, and leaves the folder alone afterwards", async () => {
    const args = ["data", "download", "tiny-imagenet", "--out", "sets", "--url", url, "--md5", md5];
    const { child, outcome } = start(args, command);
    const part = join(command.cwd, "sets");
    const begun = async () => (await readdir(part)).includes("tiny-imagenet-200.zip.part.json");
    while (!(await begun().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 200)); // until the bytes are written
    child.kill("SIGINT");
    expect(await outcome).toMatchObject({
      code: 130,
      stderr: expect.stringContaining("stopped after 200 bytes. They are kept"),
    });

    const folder = join("sets", "tiny-imagenet-200");
    const resumed = await command.run(...args, "--json");
    expect([resumed.code, JSON.parse(resumed.stdout)]).toEqual([0, { folder }]);
    expect(ranges).toEqual([undefined, "bytes=200-"]);
    expect(await readdir(part)).toEqual(["tiny-imagenet-200"]);
    const again = await command.run(...args);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining(`repvgg data inspect ${folder}`) });
    expect(ranges).toHaveLength(2);
  });

  it.each([
    ["another data set", ["tiny-imagnet"], 2, 'no data set "tiny-imagnet" to download. Did you mean tiny-imagenet?'],
    ["no address", ["tiny-imagenet", "--url", "ftp://x"], 2, "--url must be an address"],
    ["no checksum", ["tiny-imagenet", "--md5", "abc"], 2, "--md5 must be 32 hexadecimal digits"],
  ])("refuses %s", async (_, args, code, message) => {
    expect(await command.run("data", "download", ...args)).toMatchObject({
      code,
      stderr: expect.stringContaining(message),
    });
  });

  it("refuses what is not the published archive", async () => {
    const outcome = await command.run("data", "download", "tiny-imagenet", "--out", "other", "--url", url);
    expect(outcome).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\d+ bytes .* instead of 248100043 bytes/),
    });
  });
});
