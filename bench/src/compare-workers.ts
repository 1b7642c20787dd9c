import type { Contest, PeerName } from "./case.ts";
import { type Comparison, type Field, orAbsent, type Settings, takeTurns } from "./compare.ts";
import { WorkerEnded, type WorkerProcess } from "./worker-process.ts";

/**
 * Measures all peers of a row that is about no network's speed: in turn, round by round.
 *
 * @param open Starts a peer, or says why it leaves the row out.
 * @param times Repetitions within a measurement.
 */
export async function compareWorkers(
  row: Contest,
  settings: Settings,
  open: (peer: PeerName) => Promise<WorkerProcess | string>,
  times: number,
): Promise<Comparison> {
  const opened: WorkerProcess[] = [];
  const field: Field = { turns: [], absent: [] };
  try {
    for (const peer of ["engine", ...Object.keys(row.peers)] as PeerName[]) {
      await orAbsent(field, peer, async () => {
        const worker = await open(peer);
        if (typeof worker === "string") throw new WorkerEnded(worker);
        opened.push(worker);
        const { description } = worker.ready;
        field.turns.push({ peer, description, measurements: [], measure: () => worker.measure(times), times });
      });
    }
    return await takeTurns(row, field, settings);
  } finally {
    for (const worker of opened) await worker.close();
  }
}
