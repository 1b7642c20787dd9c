/** A thread of a loader: takes tasks one after the other, and answers each. */
import { parentPort, workerData } from "node:worker_threads";
import { ImageReader } from "./image-reader.ts";
import type { ReaderOptions, Task } from "./task.ts";
import type { Answer, Question } from "./worker-pool.ts";

const port = parentPort!;
const reader = await ImageReader.open(workerData as ReaderOptions);
let last = Promise.resolve();
port.on("message", ({ id, task }: Question) => {
  last = last.then(async () => port.postMessage(await answerTo(id, task)));
});
port.postMessage("ready");

async function answerTo(id: number, task: Task): Promise<Answer> {
  if (Atomics.load(task.stopped, 0) !== 0) return { id, dropped: true };
  try {
    return { id, result: await reader.read(task) };
  } catch (error) {
    return { id, message: (error as Error).message };
  }
}
