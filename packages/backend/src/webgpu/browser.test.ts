import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { relativeError } from "@repvgg/tooling";
import { build, defaultClientConditions } from "vite";
import { describe, expect, it } from "vitest";

const PAGE = fileURLToPath(new URL("./test-browser-page.ts", import.meta.url));
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].filter(existsSync);
const FLAGS = ["--headless=new", "--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const TYPES: Record<string, string> = { ".js": "text/javascript", ".wasm": "application/wasm" };
/** As the conformance of "webgpu": shaders may round each operation by several units. */
const TOLERANCE = 1e-4;

interface Results {
  readonly description: string;
  readonly loss: number;
  readonly train: readonly number[];
  readonly deploy: readonly number[];
  readonly parameters: Readonly<Record<string, readonly number[]>>;
}

/** Bundles the page, as docs/devices/webgpu.md tells applications to. */
async function bundle(outDir: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: "silent",
    root: join(PAGE, ".."),
    resolve: { conditions: ["@repvgg/source", ...defaultClientConditions] },
    build: {
      outDir,
      target: "es2022",
      minify: false,
      rollupOptions: { input: PAGE, external: /^node:/, output: { entryFileNames: "page.js" } },
    },
  });
}

/** Serves a folder as a cross-origin isolated page; `onResult` is given what the page posts. */
async function serve(folder: string, onResult: (result: string) => void): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname;
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "text/html");
    if (request.method === "POST") onResult(await text(request));
    if (path === "/") return response.end('<script type="module" src="/page.js"></script>');
    const content = await readFile(join(folder, path)).catch(() => undefined);
    response.writeHead(content || request.method === "POST" ? 200 : 404).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Opens the page in a browser; what it posts. */
async function inBrowser(browser: string): Promise<{ webgpu: Results; wasm: Results } | { error: string }> {
  const folder = await mkdtemp(join(tmpdir(), "repvgg-browser-"));
  const running: { server?: Server; child?: ChildProcess } = {};
  try {
    await bundle(join(folder, "page"));
    const result = await new Promise<string>((resolve, reject) => {
      serve(join(folder, "page"), resolve).then((server) => {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        const child = spawn(browser, [...FLAGS, `--user-data-dir=${join(folder, "profile")}`, url], {
          stdio: "ignore",
        });
        Object.assign(running, { server, child });
        child.on("error", reject);
        child.on("exit", (code) => reject(new Error(`${browser} ended with ${code} before the page was done.`)));
      }, reject);
    });
    return JSON.parse(result);
  } finally {
    const { server, child } = running;
    const closed = child && new Promise((resolve) => child.once("close", resolve));
    child?.kill();
    server?.closeAllConnections();
    server?.close();
    await closed;
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

it.each(BROWSERS.length > 0 ? [] : ["Chromium"])("nothing is tested in a browser: %s is not installed", () => {
  expect(BROWSERS).toEqual([]);
});

describe.each(BROWSERS.slice(0, 1))("in %s", (browser) => {
  it("webgpu trains and answers as the engine does, of a grouped network with squeeze-and-excitation", async () => {
    const results = await inBrowser(browser);
    if ("error" in results) expect.fail(results.error);
    const { webgpu, wasm } = results;
    expect(webgpu.description).toContain("TensorFlow.js on WebGPU");
    expect(wasm.description).toContain("WebAssembly engine");
    expect(relativeError([webgpu.loss], [wasm.loss])).toBeLessThan(TOLERANCE);
    expect(relativeError(webgpu.train, wasm.train)).toBeLessThan(TOLERANCE);
    expect(relativeError(webgpu.deploy, wasm.deploy)).toBeLessThan(TOLERANCE);
    expect(relativeError(webgpu.deploy, wasm.train)).toBeLessThan(TOLERANCE);
    expect(Object.keys(webgpu.parameters)).toEqual(Object.keys(wasm.parameters));
    for (const [key, values] of Object.entries(wasm.parameters)) {
      expect(relativeError(webgpu.parameters[key]!, values), key).toBeLessThan(TOLERANCE);
    }
  });
});
