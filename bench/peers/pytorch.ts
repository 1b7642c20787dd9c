import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { layerPlan } from "@repvgg/core";
import type { Case, Peer, Runner } from "../peer.ts";

const SCRIPT = fileURLToPath(new URL("pytorch_peer.py", import.meta.url));

/** PyTorch on the CPU, in a process of its own that measures itself; undefined where there is no Python with torch. */
export function pytorchPeer(python = process.env.REPVGG_PYTHON ?? "python3"): Peer | undefined {
  if (spawnSync(python, ["-c", "import torch"]).status !== 0) return undefined;
  return { name: "PyTorch", open: (work, threads) => openPytorch(python, work, threads) };
}

async function openPytorch(python: string, work: Case, threads: number): Promise<Runner> {
  const { spec, imageSize, batchSize } = work;
  const { blocks, classifier } = layerPlan(spec, [imageSize, imageSize]);
  const request = {
    work: work.work,
    threads,
    batchSize,
    imageSize,
    inputChannels: spec.inputChannels,
    blocks,
    classifier,
  };

  const child = spawn(python, [SCRIPT, JSON.stringify(request)], { stdio: ["pipe", "pipe", "inherit"] as never });
  const answer = answersOf(child as ChildProcessWithoutNullStreams);
  const description = await answer();
  return {
    description,
    async measure(times) {
      child.stdin!.write(`${times}\n`);
      return Number(await answer());
    },
    async close() {
      child.stdin!.end();
      await new Promise((resolve) => child.once("close", resolve));
    },
  };
}

/** The lines that the process writes, one at a time; an error when it ends instead. */
function answersOf(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("The PyTorch process ended; its message is above.");
    return value;
  };
}
