import { describe, expect, it } from "vitest";
import { DIRECTIONS, dependencyViolations, importViolations } from "./directions.ts";

describe("importViolations", () => {
  it.each([
    ["packages/engine/src/a.ts", 'import type { Network } from "@repvgg/core";'],
    ["packages/core/src/nn/a.ts", 'import { conv2d } from "@tensorflow/tfjs-core";'],
    ["packages/core/src/a.ts", 'export { b } from "./b.ts";'],
    ["packages/distill/src/a.ts", 'import { BatchLoader } from "@repvgg/data/node";'],
    ["packages/data/src/node/a.ts", 'import { readFile } from "node:fs/promises"; import sharp from "sharp";'],
    ["packages/core/src/a.test.ts", 'import { forward64 } from "@repvgg/tooling"; import { it } from "vitest";'],
    ["packages/engine/src/test-helpers.ts", 'import { forward64 } from "@repvgg/tooling";'],
    ["packages/engine/scripts/check.ts", 'import { forward64 } from "@repvgg/tooling";'],
    [
      "apps/quickstart/src/main.ts",
      'import { openDevice } from "@repvgg/backend"; import { Trainer } from "@repvgg/distill";',
    ],
    ["packages/cli/src/a.ts", 'const { Trainer } = await import("@repvgg/distill");'],
  ])("accepts %s with %s", (path, source) => {
    expect(importViolations(path, source)).toEqual([]);
  });

  it.each([
    ["packages/core/src/a.ts", 'import "@repvgg/engine";', "core may import no other package."],
    ["packages/core/src/a.ts", 'import { tidy } from "@tensorflow/tfjs-core";', "core has no dependency."],
    ["packages/core/src/nn/a.ts", 'import "@tensorflow/tfjs-backend-cpu";', "core has no dependency."],
    ["packages/metrics/src/a.ts", 'import { readFile } from "node:fs/promises";', "metrics has no dependency."],
    ["packages/engine/src/a.ts", 'import type { Device } from "@repvgg/backend";', "engine may import core."],
    ["packages/data/src/a.ts", 'export * from "@repvgg/metrics";', "data may import core."],
    [
      "packages/backend/src/a.ts",
      'const { Trainer } = await import("@repvgg/distill");',
      "backend may import core, engine.",
    ],
    ["packages/engine/src/a.ts", 'import { forward64 } from "@repvgg/tooling";', "the tooling is for tests only."],
    ["packages/cli/src/a.ts", 'import "@repvgg/quickstart";', "an app is never imported."],
    ["packages/cli/src/a.test.ts", 'import "@repvgg/quickstart";', "an app is never imported."],
    [
      "packages/data/src/a.ts",
      'import "../../core/src/index.ts";',
      "a relative import leaves the package; import it by its name.",
    ],
    [
      "packages/data/src/a.test.ts",
      'import "../../core/src/index.ts";',
      "a relative import leaves the package; import it by its name.",
    ],
  ])("rejects %s with %s", (path, source, reason) => {
    const [violation, ...more] = importViolations(path, source);
    expect(more).toEqual([]);
    expect(violation?.startsWith(`${path}: imports `)).toBe(true);
    expect(violation?.endsWith(`: ${reason}`)).toBe(true);
  });

  it("does not take text for an import", () => {
    expect(
      importViolations(
        "packages/core/src/a.ts",
        '// import "@repvgg/engine";\nexport const a = "from \'@repvgg/cli\'";',
      ),
    ).toEqual([]);
  });
});

describe("dependencyViolations", () => {
  it("accepts what the directions allow, and anything for development", () => {
    const manifest = {
      dependencies: { "@repvgg/core": "workspace:*", "pure-rand": "catalog:" },
      devDependencies: { "@repvgg/tooling": "workspace:*", "@repvgg/backend": "workspace:*" },
    };
    expect(dependencyViolations("packages/data/package.json", manifest)).toEqual([]);
    const core = { peerDependencies: { "@tensorflow/tfjs-core": "^4.22.0" } };
    expect(dependencyViolations("packages/core/package.json", core)).toEqual([]);
  });

  it("rejects a dependency against the directions", () => {
    expect(dependencyViolations("packages/core/package.json", { dependencies: { zod: "catalog:" } })).toEqual([
      "packages/core/package.json: dependencies has zod: core has no dependency.",
    ]);
    expect(dependencyViolations("packages/engine/package.json", { peerDependencies: { "@repvgg/data": "*" } })).toEqual(
      ["packages/engine/package.json: peerDependencies has @repvgg/data: engine may import core."],
    );
    expect(
      dependencyViolations("apps/quickstart/package.json", { dependencies: { "@repvgg/tooling": "workspace:*" } }),
    ).toEqual(["apps/quickstart/package.json: dependencies has @repvgg/tooling: the tooling is for tests only."]);
  });
});

describe("DIRECTIONS", () => {
  it("has no circle", () => {
    const reachable = (name: string, path: readonly string[]): void => {
      expect(path).not.toContain(name);
      for (const next of DIRECTIONS[name as keyof typeof DIRECTIONS]) reachable(next, [...path, name]);
    };
    for (const name of Object.keys(DIRECTIONS)) reachable(name, []);
  });
});
