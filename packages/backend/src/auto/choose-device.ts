import type { DeviceName, DeviceOptions, DeviceStatus } from "../device.ts";
import { type Candidate, type Knowledge, milliseconds, rankDevices } from "./rank-devices.ts";

/** The devices that `auto` tries with these options, in this order. */
export async function candidates({ exact, checkpointing }: DeviceOptions): Promise<Candidate[]> {
  if (exact) return [{ name: "wasm", why: "the fastest with exact sums" }];
  if (checkpointing) return [{ name: "wasm", why: "checkpointing needs it" }];
  return rankDevices(await whatIsKnown());
}

/** Says of each device whether `auto` would take it, and why or why not. */
export async function explainAuto(devices: readonly Omit<DeviceStatus, "auto">[]): Promise<DeviceStatus[]> {
  const known = await whatIsKnown();
  const works = new Set(devices.filter(({ available }) => available).map(({ name }) => name));
  const chosen = rankDevices(known).find(({ name }) => works.has(name));
  return devices.map((device) => {
    const taken = device.name === chosen?.name;
    return { ...device, auto: { taken, why: taken ? chosen.why : whyNot(device, known, chosen?.name) } };
  });
}

function whyNot({ name, available }: Omit<DeviceStatus, "auto">, { times }: Knowledge, chosen?: DeviceName): string {
  if (!available) return "does not work here";
  const [own, other] = [times?.stepMs[name], chosen && times?.stepMs[chosen]];
  if (own === undefined) return "not measured here";
  return other === undefined ? milliseconds(own) : `${milliseconds(own)} a step; ${chosen} ${milliseconds(other)}`;
}

async function whatIsKnown(): Promise<Knowledge> {
  if (!globalThis.process?.versions?.node) return { times: undefined, cudaLinked: false };
  const [{ isLinked }, { readStepTimes }] = await Promise.all([
    import("../tensorflow/tensorflow-packages.ts"),
    import("./step-times.ts"),
  ]);
  return { times: await readStepTimes(), cudaLinked: isLinked("cuda") };
}
