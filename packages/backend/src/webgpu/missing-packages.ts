/** What "webgpu" needs in Node that this package does not bring. */
const PACKAGES = ["webgpu", "@tensorflow/tfjs-backend-webgpu"] as const;

/** Those packages of WebGPU that are not installed. In browsers nothing is looked for. */
export async function missingWebGpuPackages(): Promise<string[]> {
  if (!globalThis.process?.versions?.node) return [];
  const { createRequire } = await import("node:module");
  const require = createRequire(import.meta.url);
  return PACKAGES.filter((name) => {
    try {
      require.resolve(`${name}/package.json`);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND"; // not where exports hide the file
    }
  });
}
