import type { Device } from "@repvgg/backend";
import type { Terminal } from "../terminal.ts";

export interface DeviceChoice {
  device: string;
  threads?: number | undefined;
  exact: boolean;
  noWide: boolean;
}

/** The device that the options name. */
export async function openDeviceOf(choice: DeviceChoice, terminal: Terminal): Promise<Device> {
  await prepareEngine(choice, terminal);
  const { openDevice } = await import("@repvgg/backend");
  const { device, threads, exact } = choice;
  return openDevice(device as Parameters<typeof openDevice>[0], { exact, ...(threads !== undefined && { threads }) });
}

/** Sets V8's flag for 256-bit kernels. It is process-wide, so only an application may; and before the engine is loaded. */
export async function prepareEngine({ noWide }: { noWide: boolean }, { env }: Terminal): Promise<void> {
  if (noWide || env.REPVGG_NO_WIDE === "1") return;
  const { enableWideKernels } = await import("@repvgg/engine");
  enableWideKernels();
}
