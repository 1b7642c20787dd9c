import { arch, availableParallelism, cpus, platform, release } from "node:os";
import type { Device } from "@repvgg/backend";
import type { Machine } from "./result.ts";

/** What the figures were measured on. */
export function describeMachine(device: Device): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || "unknown",
    cores: availableParallelism(),
    platform: `${platform()} ${release()}, ${arch()}`,
    node: process.version,
    device: device.description,
    threads: device.threads,
  };
}
