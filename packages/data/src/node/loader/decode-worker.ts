/** A thread of a loader: takes tasks one after the other, and answers each. */
import { parentPort, workerData } from "node:worker_threads";
import { ImageReader } from "./image-reader.ts";
import type { ReaderOptions } from "./task.ts";
import type { Answer, Question } from "./worker-pool.ts";

const port = parentPort!;
const reader = await ImageReader.open(workerData as ReaderOptions);
let last = Promise.resolve();
port.on("message", ({ id, task }: Question) => {
  last = last.then(async () => {
    const answer = await reader.read(task).then(
      (result): Answer => ({ id, result }),
      (error: Error): Answer => ({ id, message: error.message }),
    );
    port.postMessage(answer);
  });
});
port.postMessage("ready");
