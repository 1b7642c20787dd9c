import { fileURLToPath } from "node:url";
import type { PeerName } from "../case.ts";
import { type Comparison, type Field, orAbsent, type Settings, takeTurns } from "../compare.ts";
import { nodeArguments, WorkerEnded, WorkerProcess } from "../worker-process.ts";
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
  const opened: WorkerProcess[] = [];
  const field: Field = { turns: [], absent: [] };
  try {
    await photographs.write();
    for (const peer of ["engine", ...Object.keys(row.peers)] as PeerName[]) {
      await orAbsent(field, peer, async () => {
        const worker = await open(peer, row, photographs, settings);
        if (typeof worker === "string") throw new WorkerEnded(worker);
        opened.push(worker);
        const { description } = worker.ready;
        field.turns.push({ peer, description, measurements: [], measure: () => worker.measure(RUNS), times: RUNS });
      });
    }
    return await takeTurns(row, field, settings);
  } finally {
    for (const worker of opened) await worker.close();
    photographs[Symbol.dispose]();
  }
}

function open(peer: PeerName, { workers }: DataRow, { files }: Photographs, { interpreters }: Settings) {
  if (peer !== "torchvision") {
    const threads = peer === "1 worker" ? 1 : workers;
    return WorkerProcess.open(interpreters.node, nodeArguments(NODE_WORKER, { files, workers: threads }));
  }
  if (!interpreters.python) return "no Python with torch; REPVGG_PYTHON names another Python";
  return WorkerProcess.open(interpreters.python, [PYTHON_WORKER, JSON.stringify({ files })]);
}
