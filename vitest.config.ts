import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { swiftShaderEnvironment } from "./tooling/scripts/swiftshader.mjs";

// Tests run on the sources: every package's exports put the "@repvgg/source" condition first.
const conditions = ["@repvgg/source", "node", "import", "default"];

// The dynamic loader reads these when a process starts: they must be there before the workers are.
Object.assign(process.env, swiftShaderEnvironment());
// The threads and commands that tests start then begin in half the time: their modules are compiled once.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("node_modules/.cache/node-compile", import.meta.url));

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "tooling/**/*.test.ts", "bench/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
