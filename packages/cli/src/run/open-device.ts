import type { Device } from "@repvgg/backend";
import type { Terminal } from "../terminal.ts";

export interface DeviceChoice {
  device: string;
  threads?: number | undefined;
  exact: boolean;
  checkpointing?: boolean;
  noWide: boolean;
}

/**
 * The device that the options name. What `auto` chose and why is said, but for `wasm`, the default, where nothing else was tried.
 *
 * @param say Say it of `wasm`, too.
 */
export async function openDeviceOf(choice: DeviceChoice, terminal: Terminal, say = false): Promise<Device> {
  await prepareEngine(choice, terminal);
  const { openDevice } = await import("@repvgg/backend");
  const { device, threads, exact, checkpointing = false } = choice;
  const opened = await openDevice(device, { exact, checkpointing, ...(threads !== undefined && { threads }) });
  const { why, failures } = opened.choice ?? { why: "", failures: [] };
  for (const failure of failures) terminal.note(`--device auto: ${failure}`);
  if (opened.choice && (say || opened.name !== "wasm" || failures.length > 0)) {
    terminal.note(`--device auto: ${opened.name}: ${why}`);
  }
  return opened;
}

/** Sets V8's flag for 256-bit kernels. It is process-wide, so only an application may; and before the engine is loaded. */
export async function prepareEngine({ noWide }: { noWide: boolean }, { env }: Terminal): Promise<void> {
  if (noWide || env.REPVGG_NO_WIDE === "1") return;
  const { enableWideKernels } = await import("@repvgg/engine");
  enableWideKernels();
}
