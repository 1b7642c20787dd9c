import type { DeviceName } from "./device.ts";

/** What a device needs that this package does not bring. */
const NEEDS: Partial<Record<DeviceName, readonly string[]>> = {
  cuda: ["@tensorflow/tfjs-node-gpu"],
  native: ["@tensorflow/tfjs-node"],
  webgpu: ["webgpu", "@tensorflow/tfjs-backend-webgpu"],
};

/** The packages among those that a device needs which are not installed. In browsers nothing is looked for. */
export async function missingPackages(device: DeviceName): Promise<string[]> {
  if (!globalThis.process?.versions?.node) return [];
  const { createRequire } = await import("node:module");
  const require = createRequire(import.meta.url);
  return (NEEDS[device] ?? []).filter((name) => {
    try {
      require.resolve(`${name}/package.json`);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND"; // not where exports hide the file
    }
  });
}

export const isInstalled = async (device: DeviceName): Promise<boolean> => (await missingPackages(device)).length === 0;
