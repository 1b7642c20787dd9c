import { openDevice } from "@repvgg/backend";
import { fuseState, type Images, type Network, type RepVggSpec, type StateDict } from "@repvgg/core";
import { MNIST_PREPROCESSING, preprocessImages } from "@repvgg/data";
import type { PipelineOptions } from "../pipeline.ts";
import type { QuickstartResult } from "../result.ts";
import { measureLatency } from "./latency.ts";

/** Timed calls of each network. */
const CALLS = 1000;

/** Latency of teacher and student in both forms, on one image and one thread: they are too small to be shared out. */
export async function measureForms(
  { settings, data, device, work, progress, signal }: PipelineOptions,
  states: { teacher: StateDict; student: StateDict },
): Promise<QuickstartResult["latency"]> {
  const image: Images = preprocessImages(data.test, [0], MNIST_PREPROCESSING);
  const single = await openDevice(device.name, { threads: 1 });
  const create = (spec: RepVggSpec, form: "train" | "deploy", state: StateDict) =>
    single.createNetwork({ spec, form, state, imageSize: data.test.size, batchSize: 1 });
  const networks: Network[] = [];
  try {
    for (const name of ["teacher", "student"] as const) {
      const { spec } = settings[name];
      networks.push(await create(spec, "train", states[name]));
      networks.push(await create(spec, "deploy", fuseState(spec, states[name])));
    }
    const latencies = await progress.stage("latency", work.latency, () =>
      measureLatency(networks, image, { calls: CALLS, signal }),
    );
    const [teacherTrain, teacherDeploy, studentTrain, studentDeploy] = latencies;
    return {
      teacher: { train: teacherTrain!, deploy: teacherDeploy! },
      student: { train: studentTrain!, deploy: studentDeploy! },
    };
  } finally {
    for (const network of networks) network.dispose();
    single.dispose();
  }
}
