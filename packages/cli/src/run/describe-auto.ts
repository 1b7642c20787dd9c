import type { DeviceStatus } from "@repvgg/backend";

/** Whether `auto` takes a device, and if not, why not: for a column. */
export const autoText = ({ taken, why }: DeviceStatus["auto"]): string => (taken ? "takes it" : why);

/** What `auto` takes, and why: for the line below the table. */
export function describeAuto(devices: readonly Pick<DeviceStatus, "name" | "auto">[]): string {
  const taken = devices.find(({ auto }) => auto.taken);
  return taken ? `--device auto takes ${taken.name}: ${taken.auto.why}.` : "--device auto finds nothing that works.";
}
