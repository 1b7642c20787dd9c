import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "@repvgg/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../test-trees.ts";
import { type DownloadOptions, downloadFile } from "./download-file.ts";
import { serveFile, startServer, type TestServer } from "./test-server.ts";

const random = seededRandom(3);
const CONTENT = Buffer.from(Array.from({ length: 200_000 }, () => Math.floor(random() * 256)));
const MD5 = createHash("md5").update(CONTENT).digest("hex");

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

async function serve(handler: Parameters<typeof startServer>[0]): Promise<TestServer> {
  server = await startServer(handler);
  return server;
}
const fetchIt = (options: Partial<DownloadOptions> = {}) =>
  downloadFile({ url: `${server!.url}/set.zip`, file: join(folder, "set.zip"), retryDelayMs: 1, ...options });
const fetchChecked = (options: Partial<DownloadOptions> = {}) =>
  fetchIt({ sizeBytes: CONTENT.length, md5: MD5, ...options });
const isThere = async () => CONTENT.equals(await readFile(join(folder, "set.zip")));
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe("downloadFile", () => {
  it("fetches, checks, and leaves nothing else", async () => {
    await serve(serveFile(CONTENT));
    const seen: (number | undefined)[] = [];
    await fetchChecked({ md5: MD5.toUpperCase(), onProgress: (done, total) => seen.push(done, total) });
    expect(await isThere()).toBe(true);
    expect(await readdir(folder)).toEqual(["set.zip"]);
    expect([seen[0], seen.at(-2), seen.at(-1)]).toEqual([0, CONTENT.length, CONTENT.length]);
  });

  it("goes on by Range after each break", async () => {
    const { requests } = await serve(serveFile(CONTENT, { breakAfter: 60_000 }));
    const told: string[] = [];
    await fetchChecked({ attempts: 2, report: (message) => told.push(message) });
    expect(await isThere()).toBe(true);
    expect(requests.map(({ range }) => range)).toEqual([undefined, "bytes=60000-", "bytes=120000-", "bytes=180000-"]);
    expect(told[0]).toMatch(/connection broke off .*trying again in 1 s/);
  });

  it("goes on where an earlier call was stopped, but not with another version of the file", async () => {
    const controller = new AbortController();
    const { requests } = await serve((request, response, count) => {
      if (count === 1)
        response.writeHead(200, { etag: '"1"', "content-length": CONTENT.length }).write(CONTENT.subarray(0, 50_000));
      else
        serveFile(CONTENT, { etag: count === 2 ? '"1"' : '"2"', breakAfter: count === 2 ? 10_000 : 1e9 })(
          request,
          response,
          count,
        );
    });
    const stopAt = (bytes: number) => (done: number) => void (done === bytes && controller.abort());
    await expect(fetchChecked({ signal: controller.signal, onProgress: stopAt(50_000) })).rejects.toThrow(
      failure("E_ABORTED", /stopped after 50000 of 200000 bytes\. They are kept/),
    );
    expect(await readdir(folder)).toEqual(["set.zip.part", "set.zip.part.json"]);
    await fetchChecked();
    expect(await isThere()).toBe(true);
    expect(requests.map(({ range }) => range)).toEqual([undefined, "bytes=50000-", "bytes=60000-"]);
  });

  it("does not join parts of unknown versions, and fetches all again where a part does not fit", async () => {
    const { requests } = await serve(serveFile(CONTENT, { etag: "" }));
    await writeFile(join(folder, "set.zip.part"), "x".repeat(1000));
    await fetchIt();
    expect(requests[0]!.range).toBeUndefined();
    const url = `${server!.url}/set.zip`;
    await writeFile(join(folder, "set.zip.part"), "x".repeat(1000));
    await writeFile(join(folder, "set.zip.part.json"), JSON.stringify({ url }));
    const told: string[] = [];
    await fetchChecked({ report: (message) => told.push(message) });
    expect(await isThere()).toBe(true);
    expect(told).toEqual([expect.stringMatching(/does not fit the rest \(MD5 .*fetching all of it again/)]);
  });

  it.each([
    ["ignores Range", undefined],
    ["gives another range", "bytes 0-10/200000"],
  ])("begins anew where the server %s", async (_, contentRange) => {
    await serve((request, response, count) => {
      if (count === 1) return serveFile(CONTENT, { breakAfter: 70_000 })(request, response, count);
      if (request.headers.range && contentRange)
        response.writeHead(206, { "content-range": contentRange }).end("0123456789a");
      else response.writeHead(200, { "content-length": CONTENT.length }).end(CONTENT);
    });
    await fetchChecked();
    expect(await isThere()).toBe(true);
  });

  it("takes 416 for the end where everything is there, and begins anew where the file has shrunk", async () => {
    const { requests } = await serve(serveFile(CONTENT));
    const url = `${server!.url}/set.zip`;
    const version = JSON.stringify({ url, validator: '"1"' });
    await writeFile(join(folder, "set.zip.part"), CONTENT);
    await writeFile(join(folder, "set.zip.part.json"), version);
    await fetchIt({ md5: MD5 });
    expect([requests.length, await isThere()]).toEqual([1, true]);
    await writeFile(join(folder, "set.zip.part"), Buffer.concat([CONTENT, CONTENT]));
    await writeFile(join(folder, "set.zip.part.json"), version);
    await fetchIt({ md5: MD5 });
    expect([requests.length, await isThere()]).toEqual([3, true]);
  });

  it("follows redirects, and asks again after 503 and silence", async () => {
    await serve((request, response, count) => {
      if (count === 1) response.writeHead(503, { "retry-after": "0" }).end();
      else if (count === 2)
        response.writeHead(200, { "content-length": 10 }).write("12345"); // and nothing more
      else if (request.url === "/set.zip") response.writeHead(302, { location: "/moved/set.zip" }).end();
      else serveFile(CONTENT)(request, response, count);
    });
    const told: string[] = [];
    await fetchIt({ md5: MD5, stallMs: 100, report: (message) => told.push(message) });
    expect(await isThere()).toBe(true);
    expect(told).toEqual([
      expect.stringMatching(/answered 503 Service Unavailable; trying again in 0 s/),
      expect.stringMatching(/nothing came for 0\.1 s/),
      expect.stringMatching(/does not fit the rest/), // the beginning was of another file, without a version
    ]);
  });

  it.each([
    [
      "a page in its place",
      "<!doctype html>",
      /is not the file that was expected: 15 bytes of type text\/html instead of 200000/,
    ],
    [
      "the same size, other bytes",
      CONTENT.map((byte) => byte ^ 1),
      /not the file that was expected: MD5 .* It was not kept/,
    ],
  ])("refuses %s", async (_, bytes, message) => {
    await serve((_request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-length": bytes.length }).end(bytes);
    });
    await expect(fetchChecked()).rejects.toThrow(failure("E_DATA", message));
    expect(await readdir(folder)).toEqual([]);
  });

  it("refuses more than was announced", async () => {
    await serve((_request, response) => {
      response.write(CONTENT); // without a length
      response.end(CONTENT);
    });
    await expect(fetchChecked()).rejects.toThrow(failure("E_DATA", /sends more than the 200000 bytes/));
  });

  it("gives up on an announced length that never comes, on 404 and on nobody", async () => {
    await serve((_request, response) => {
      response.writeHead(200, { "content-length": 1000 }).write("too little", () => response.destroy());
    });
    await expect(fetchIt({ attempts: 3 })).rejects.toThrow(
      failure("E_NETWORK", /connection broke off .*3 attempts.*goes on from there/),
    );
    expect(server!.requests.length).toBe(3);
    await server!.close();
    await expect(fetchIt({ attempts: 2 })).rejects.toThrow(failure("E_NETWORK", /ECONNREFUSED.*2 attempts/));
    await serve((_request, response) => void response.writeHead(404).end());
    await expect(fetchIt()).rejects.toThrow(failure("E_NETWORK", /answered 404 Not Found\. Check the address/));
  });

  it("does not ask again where no answer can come", async () => {
    const told: string[] = [];
    const from = (url: string) =>
      downloadFile({
        url,
        file: join(folder, "set.zip"),
        retryDelayMs: 1,
        report: (message) => void told.push(message),
      });
    const { url } = await serve((request, response) => {
      const location = request.url === "/elsewhere" ? "ftp://127.0.0.1/set.zip" : request.url;
      if (request.url === "/mail") response.socket!.end("220 ready\r\n");
      else response.writeHead(302, { location }).end();
    });
    await expect(from(`${url}/set.zip`)).rejects.toThrow(
      failure("E_NETWORK", /more than 20 times\. Check the address/),
    );
    await expect(from(`${url}/elsewhere`)).rejects.toThrow(failure("E_NETWORK", /Protocol "ftp:" not supported/));
    await expect(from(`${url}/mail`)).rejects.toThrow(failure("E_NETWORK", /Expected HTTP/));
    await expect(from(url.replace("http:", "https:"))).rejects.toThrow(failure("E_NETWORK", /EPROTO|SSL/));
    expect(told).toEqual([]);
    // A label that is longer than names may have (RFC 1035), so that nobody is asked: once more, but not six times.
    await expect(from(`http://${"a".repeat(64)}/set.zip`)).rejects.toThrow(
      failure("E_NETWORK", /ENOTFOUND a+ \(2 attempts\)/),
    );
    expect(told).toHaveLength(1);
  });

  it.each([
    ["another range of the file", { "content-range": "bytes 5-9/200000" }],
    ["a part without saying which", {}],
  ])("refuses %s where all was asked for, once", async (_, headers) => {
    await serve((_request, response) => response.writeHead(206, headers).end("12345"));
    await expect(fetchChecked()).rejects.toThrow(failure("E_NETWORK", /answered 206 Partial Content/));
    expect([server!.requests.length, await readdir(folder)]).toEqual([1, []]);
  });

  it("refuses encoded bytes, whose size and ranges are others", async () => {
    await serve((_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("1f8b"));
    await expect(fetchIt()).rejects.toThrow(failure("E_NETWORK", /answered 200 OK, encoded as gzip/));
    expect(await readdir(folder)).toEqual([]);
  });

  it("leaves a server alone that asks to wait for hours", async () => {
    await serve((_request, response) => response.writeHead(503, { "retry-after": "7200" }).end());
    await expect(fetchChecked()).rejects.toThrow(failure("E_NETWORK", /asks to wait 7200 s \(1 attempt\)/));
    expect(server!.requests.length).toBe(1);
  });

  it("closes the connection of an answer that it does not read", async () => {
    let closed: Promise<unknown> | undefined;
    await serve((_request, response) => {
      closed = once(response, "close");
      response.writeHead(200, { "content-length": 1e9 }).write("and so on");
    });
    await expect(fetchChecked()).rejects.toThrow(failure("E_DATA", /1000000000 bytes/));
    await closed;
  });

  // With a body that comes faster than it is written, where fetch ends the process.
  it.each(["content-length: 16000000\r\n", ""])("survives servers that close early: %j", async (length) => {
    const half = Buffer.alloc(8e6, 7);
    await serve((_request, response) => {
      response.socket!.write(`HTTP/1.1 200 OK\r\n${length}connection: close\r\n\r\n`);
      response.socket!.end(half);
    });
    for (let i = 0; i < 4; i++) {
      const outcome = fetchIt({ attempts: 1, sizeBytes: 16e6, md5: MD5 });
      await expect(outcome).rejects.toThrow(failure("E_NETWORK", /broke off|ended too early/));
    }
  });

  it("says that the disk is full, and that a folder is missing", async () => {
    await serve(serveFile(CONTENT));
    await symlink("/dev/full", join(folder, "set.zip.part"));
    await expect(fetchChecked()).rejects.toThrow(failure("E_DATA", /the disk is full.*goes on from there/));
    await expect(fetchIt({ file: join(folder, "no/set.zip") })).rejects.toThrow(failure("E_DATA", /cannot be written/));
  });
});
