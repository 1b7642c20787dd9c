import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { defineSpec, initialState, type NdArray, ndArray, RepvggError } from "@repvgg/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseCheckpoint } from "../checkpoint.ts";
import { parseOnnx } from "../onnx-read.ts";
import { serializeOnnx } from "../onnx-write.ts";
import { loadCheckpoint, loadTensors, openCheckpoint, openOnnx, saveCheckpoint, saveTensors } from "./files.ts";
import { writeFileAtomically } from "./write-file-atomically.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "repvgg-checkpoint-"));
});
afterEach(() => rm(folder, { recursive: true }));

const spec = defineSpec({ numBlocks: [1, 1, 1, 1], widthMultiplier: [1 / 16, 1 / 32, 1 / 64, 1 / 64], numClasses: 2 });

/** All arrays, read. */
const plain = (state: ReadonlyMap<string, NdArray>) =>
  new Map([...state].map(([name, { shape, data }]) => [name, { shape, data }]));

describe("saveCheckpoint", () => {
  it("writes a file that loadCheckpoint reads, and nothing else", async () => {
    const file = join(folder, "net.safetensors");
    const checkpoint = { spec, form: "train", state: initialState(spec, 1), classes: ["a", "b"] } as const;
    await saveCheckpoint(file, checkpoint);
    expect(await loadCheckpoint(file)).toMatchObject(checkpoint);
    expect(await readdir(folder)).toEqual(["net.safetensors"]);
  });

  it("leaves the earlier file when the new state cannot be saved", async () => {
    const file = join(folder, "net.safetensors");
    const state = initialState(spec, 1);
    await saveCheckpoint(file, { spec, form: "train", state });
    const before = await readFile(file);
    const broken = new Map(state).set("linear.bias", ndArray([2], Float32Array.of(0, Number.NaN)));
    await expect(saveCheckpoint(file, { spec, form: "train", state: broken })).rejects.toThrow(/linear\.bias/);
    expect(await readFile(file)).toEqual(before);
  });
});

it("saveTensors and loadTensors keep arrays and metadata", async () => {
  const file = join(folder, "input.safetensors");
  const tensors = new Map([["input", ndArray([1, 2], Float32Array.of(3, 4))]]);
  await saveTensors(file, tensors, { step: "7" });
  expect(await loadTensors(file)).toEqual({ tensors, metadata: { step: "7" } });
});

describe("loading", () => {
  it.each(["wrapped.pth", "deflated.pth", "legacy.pth", "views.pth", "tiny-repvgg.safetensors"])(
    "gives of %s what parseCheckpoint gives of its bytes",
    async (name) => {
      const file = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
      expect(await loadCheckpoint(file)).toEqual(parseCheckpoint(await readFile(file), file));
    },
  );

  it.each(["wrapped.pth", "deflated.pth", "legacy.pth", "views.pth", "tiny-repvgg.safetensors"])(
    "opens %s with the arrays that loading reads, each time anew",
    async (name) => {
      const file = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
      const loaded = await loadCheckpoint(file);
      const { state, ...opened } = await openCheckpoint(file);
      await setImmediate(); // the file is closed by now, and opened again
      expect({ ...opened, state: plain(state) }).toEqual(loaded);
      expect([...state.keys()]).toEqual([...loaded.state.keys()]);
      const bias = state.get("linear.bias")!;
      expect(bias.data).toBe(bias.data);
      expect(bias.data).not.toBe(state.get("linear.bias")!.data);
      expect(state.get("none")).toBeUndefined();
    },
  );

  it("opens an ONNX file with the arrays that parsing reads", async () => {
    const file = join(folder, "net.onnx");
    const bytes = serializeOnnx({ spec, form: "train", state: initialState(spec, 1), classes: ["a", "b"] });
    await writeFile(file, bytes);
    const { state, ...opened } = await openOnnx(file);
    expect({ ...opened, state: plain(state) }).toEqual(parseOnnx(bytes, file));
  });

  it("reads kernels that are larger than what is read at a time", async () => {
    const wide = defineSpec({ ...spec, widthMultiplier: [1 / 8, 1 / 8, 1 / 4, 1] });
    const file = join(folder, "wide.safetensors");
    const wider = initialState(wide, 1);
    wider.set("linear.bias", ndArray([2], Float32Array.of(1, 2)));
    await saveCheckpoint(file, { spec: wide, form: "train", state: wider });
    const kernel = "stage4.0.rbr_dense.conv.weight";
    expect(4 * wider.get(kernel)!.data.length).toBeGreaterThan(2 ** 19);
    expect((await openCheckpoint(file)).state.get(kernel)!.data).toEqual(wider.get(kernel)!.data);
    expect((await loadCheckpoint(file)).state).toEqual(wider);
  });

  it("says that an open checkpoint's file was changed", async () => {
    const file = join(folder, "net.safetensors");
    await saveCheckpoint(file, { spec, form: "train", state: initialState(spec, 1) });
    const { state } = await openCheckpoint(file);
    await saveCheckpoint(file, { spec, form: "train", state: initialState(spec, 2) });
    expect(() => state.get("linear.weight")!.data).toThrow(
      expect.objectContaining({
        code: "E_CHECKPOINT",
        message: expect.stringMatching(/was changed while it was in use/),
      }),
    );
  });

  it("says what is wrong with the path", async () => {
    await expect(loadCheckpoint(join(folder, "none.safetensors"))).rejects.toThrow(
      expect.objectContaining({
        code: "E_CHECKPOINT",
        message: expect.stringMatching(/none\.safetensors cannot be read: there is no/),
      }),
    );
    await expect(loadTensors(folder)).rejects.toThrow(/it is a folder/);
  });

  it("names the damaged file", async () => {
    const file = join(folder, "net.safetensors");
    await writeFile(file, "");
    await expect(loadCheckpoint(file)).rejects.toThrow(/net\.safetensors is empty, 0 bytes/);
  });
});

describe("writeFileAtomically", () => {
  const fails = (file: string, message: RegExp, options?: Parameters<typeof writeFileAtomically>[2]) =>
    expect(writeFileAtomically(file, "new", options)).rejects.toThrow(
      expect.objectContaining({ code: "E_CHECKPOINT", message: expect.stringMatching(message) }),
    );

  it("replaces a file", async () => {
    const file = join(folder, "a.json");
    await writeFileAtomically(file, "old and longer");
    await writeFileAtomically(file, "new");
    expect(await readFile(file, "utf8")).toBe("new");
    expect(await readdir(folder)).toEqual(["a.json"]);
  });

  it("keeps the old file and leaves nothing when writing fails", async () => {
    const file = join(folder, "a.json");
    await writeFile(file, "old");
    await fails(file, /a\.json could not be written: EBADF/, { open: () => open(file, "r") });
    expect(await readFile(file, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["a.json"]);
  });

  it("replaces what a link leads to, and leaves the link", async () => {
    await writeFile(join(folder, "v1.json"), "old");
    await symlink("v1.json", join(folder, "latest.json"));
    await writeFileAtomically(join(folder, "latest.json"), "new");
    expect(await readlink(join(folder, "latest.json"))).toBe("v1.json");
    expect(await readFile(join(folder, "v1.json"), "utf8")).toBe("new");
  });

  it("refuses devices, pipes and sockets, which a rename would take from everybody", async () => {
    const socket = join(folder, "socket");
    const server = createServer().listen(socket);
    await once(server, "listening");
    try {
      await fails(socket, /socket could not be written: it is a device, a pipe or a socket/);
      expect((await stat(socket)).isSocket()).toBe(true);
    } finally {
      server.close();
    }
  });

  // Linux's device that is always full; other systems have none.
  if (existsSync("/dev/full")) {
    it("says that the disk is full", async () => {
      await fails(join(folder, "a"), /could not be written: the disk is full/, { open: () => open("/dev/full", "w") });
      expect(await readdir(folder)).toEqual([]);
    });
  }

  it("writes pieces, and shows the complete file before it gets its name", async () => {
    const file = join(folder, "a.bin");
    const pieces = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)];
    const content = { size: 3, chunks: () => pieces };
    await writeFileAtomically(file, content, {
      check: async (temporary) => {
        expect([...(await readFile(temporary))]).toEqual([1, 2, 3]);
        expect(await readdir(folder)).not.toContain("a.bin");
      },
    });
    expect([...(await readFile(file))]).toEqual([1, 2, 3]);
  });

  it("keeps the old file and leaves nothing when the check fails", async () => {
    const file = join(folder, "a.json");
    await writeFile(file, "old");
    const refused = new RepvggError("E_CHECKPOINT", "It is another network.");
    await expect(writeFileAtomically(file, "new", { check: () => Promise.reject(refused) })).rejects.toBe(refused);
    expect(await readFile(file, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["a.json"]);
  });

  it("removes what it wrote when it cannot be renamed", async () => {
    await mkdir(join(folder, "taken"));
    await fails(join(folder, "taken"), /there is a folder of this name/);
    expect(await readdir(folder)).toEqual(["taken"]);
  });

  it("says that the folder is missing, or is none", async () => {
    await fails(join(folder, "none", "a"), /the folder .*none does not exist/);
    await writeFile(join(folder, "file"), "");
    await fails(join(folder, "file", "a"), /file is not a folder/);
  });
});
