import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serializePth } from "@repvgg/checkpoint";
import { findVariant, initialState, layerPlan } from "@repvgg/core";
import type { Comparison, Settings } from "../compare.ts";
import { compareWorkers } from "../compare-workers.ts";
import { nodeArguments, WorkerProcess } from "../worker-process.ts";
import type { LoadRow } from "./load-rows.ts";

const NODE_WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "load-worker.ts" : "load-worker.js", import.meta.url),
);
const PYTHON_WORKER = fileURLToPath(new URL("../../src/load/torch_load_worker.py", import.meta.url));
const TIMES = 3;
const SEED = 1;

/** Measures how long the weights of A0 take from a file into memory, or into a network. */
export async function compareLoad(row: LoadRow, settings: Settings): Promise<Comparison> {
  const folder = mkdtempSync(join(tmpdir(), "repvgg-bench-"));
  const file = join(folder, "a0.pth");
  const { spec } = findVariant("repvgg-a0");
  const { network } = row;
  const threads = row.threads ?? settings.threads;
  try {
    writeFileSync(file, serializePth({ spec, form: "train", state: initialState(spec, SEED) }));
    const { node, python } = settings.interpreters;
    const { blocks, classifier } = layerPlan(spec, [224, 224]);
    const open = async (peer: string) => {
      if (peer === "engine") return WorkerProcess.open(node, nodeArguments(NODE_WORKER, { file, network, threads }));
      if (!python) return "no Python with torch; REPVGG_PYTHON names another Python";
      return WorkerProcess.open(python, [
        PYTHON_WORKER,
        JSON.stringify({ file, network, threads, blocks, classifier }),
      ]);
    };
    return await compareWorkers(row, settings, open, TIMES);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
