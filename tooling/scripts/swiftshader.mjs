import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where Linux's packages of Chromium put SwiftShader, a Vulkan driver in software, and the Vulkan loader. */
const FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];

/** The variables with which WebGPU works without a GPU; empty where they are set already, or there is no SwiftShader. */
export function swiftShaderEnvironment() {
  const folder = FOLDERS.find((path) => existsSync(join(path, "vk_swiftshader_icd.json")));
  if (process.env.VK_DRIVER_FILES || !folder) return {};
  return {
    VK_DRIVER_FILES: join(folder, "vk_swiftshader_icd.json"),
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
  };
}
