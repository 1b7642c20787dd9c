import { fileURLToPath } from "node:url";
import type { PeerName } from "../case.ts";
import type { Comparison, Settings } from "../compare.ts";
import { compareWorkers } from "../compare-workers.ts";
import { nodeArguments, WorkerProcess } from "../worker-process.ts";
import type { DataRow } from "./data-rows.ts";
import { Photographs } from "./photographs.ts";

const NODE_WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "data-worker.ts" : "data-worker.js", import.meta.url),
);
const PYTHON_WORKER = fileURLToPath(new URL("../../src/data/torchvision_worker.py", import.meta.url));

/** Of all photographs, or of an epoch, within a measurement. */
const RUNS = 2;

/** Measures all peers at the same photographs: in turn, round by round. A measurement is the mean time of an image. */
export async function compareData(row: DataRow, settings: Settings): Promise<Comparison> {
  const photographs = new Photographs();
  try {
    await photographs.write();
    return await compareWorkers(row, settings, (peer) => open(peer, row, photographs, settings), RUNS);
  } finally {
    photographs[Symbol.dispose]();
  }
}

async function open(peer: PeerName, { workers }: DataRow, { files }: Photographs, { interpreters }: Settings) {
  if (peer !== "torchvision") {
    const threads = peer === "1 worker" ? 1 : workers;
    return WorkerProcess.open(interpreters.node, nodeArguments(NODE_WORKER, { files, workers: threads }));
  }
  if (!interpreters.python) return "no Python with torch; REPVGG_PYTHON names another Python";
  return WorkerProcess.open(interpreters.python, [PYTHON_WORKER, JSON.stringify({ files })]);
}
