/** Loads a checkpoint, in a process of its own; speaks as ../worker.ts does. */
import { openDevice } from "@repvgg/backend";
import { loadCheckpoint, openCheckpoint } from "@repvgg/checkpoint/node";
import { type Repeatable, serveWork } from "../serve-work.ts";

/** What the process is asked for, as its only argument. */
interface LoadRequest {
  readonly file: string;
  /** Whether a network is made of it. */
  readonly network: boolean;
  readonly threads: number;
}

const { file, network, threads } = JSON.parse(process.argv[2]!) as LoadRequest;

const inMemory: Repeatable = {
  description: "loadCheckpoint",
  async run() {
    await loadCheckpoint(file);
  },
};

async function inNetwork(): Promise<Repeatable> {
  const device = await openDevice("wasm", { threads });
  return {
    description: `openCheckpoint and createNetwork, ${threads} thread${threads === 1 ? "" : "s"}`,
    async run() {
      const { spec, form, state } = await openCheckpoint(file);
      const made = await device.createNetwork({ spec, form, state, imageSize: [224, 224] });
      made.dispose();
    },
  };
}

await serveWork(network ? await inNetwork() : inMemory);
