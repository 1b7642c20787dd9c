/** A thread of a loader: takes tasks one after the other, and answers each. */
import { parentPort, workerData } from "node:worker_threads";
import { ImageReader } from "./image-reader.ts";
import type { ReaderOptions, Task, TaskResult } from "./task.ts";
import type { Answer, Question } from "./worker-pool.ts";

const port = parentPort!;
const reader = await ImageReader.open(workerData as ReaderOptions);
let last = Promise.resolve();
port.on("message", ({ id, task }: Question) => {
  last = last.then(async () => {
    const answer = await readWanted(task).then(
      (result): Answer => ({ id, result }),
      (error: Error): Answer => ({ id, message: error.message }),
    );
    port.postMessage(answer);
  });
});
port.postMessage("ready");

async function readWanted(task: Task): Promise<TaskResult> {
  if (Atomics.load(task.stopped, 0) !== 0) throw new Error(`${task.sample.name} is not wanted any more.`);
  return reader.read(task);
}
