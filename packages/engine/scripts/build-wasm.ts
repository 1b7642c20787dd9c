/**
 * Builds ../wasm: the engine's module for each variant, and the probe.
 *
 * Kernels (kernels/) become WebAssembly text, which binaryen parses and optimises; the control flow (assembly/) is compiled by
 * AssemblyScript against them; wasm-merge makes one module of both.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import binaryen from "binaryen";
import { buildKernels } from "../kernels/index.ts";
import { probeKernel } from "../kernels/probe.kernel.ts";
import { VARIANTS, type Variant } from "../kernels/variant.ts";
import type { Kernel } from "../kernels/wasm-builder.ts";
import { generateBindings } from "./generate-bindings.ts";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT = join(PACKAGE, "wasm");
const BINARYEN = dirname(createRequire(import.meta.url).resolve("binaryen"));
const MAXIMUM_PAGES = 65536;
/** What the host calls. */
const EXPORTS = ["launch", "worker", "stop", "init"];

/** Beyond AssemblyScript's defaults. */
const featuresOf = ({ fused }: Variant) => ["simd", "threads", ...(fused ? ["relaxed-simd"] : [])];
/** The defaults, by binaryen's names. */
const DEFAULT_FEATURES = ["bulk-memory", "sign-ext", "mutable-globals", "nontrapping-float-to-int"];

/** One module of kernels. Optimised, as V8 packs nothing of what comes straight out of the builder. */
function compileKernels(kernels: readonly Kernel[], memory: string): Uint8Array {
  const module = binaryen.parseText(`(module ${memory}\n${kernels.map(({ wat }) => wat).join("\n")})`);
  const { Features } = binaryen;
  module.setFeatures(
    Features.SIMD128 | Features.RelaxedSIMD | Features.BulkMemory | Features.SignExt | Features.Atomics,
  );
  if (!module.validate()) throw new Error("binaryen refuses the kernels; it has printed why.");
  binaryen.setDebugInfo(true);
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(0);
  module.optimize();
  const binary = module.emitBinary();
  module.dispose();
  return binary;
}

async function compileControlFlow(bindings: string, variant: Variant, output: string): Promise<void> {
  const log: string[] = [];
  const { error } = await asc.main(
    [
      "assembly/index.ts",
      ...["--outFile", output],
      ...["--baseDir", PACKAGE],
      "-O3",
      "--noAssert",
      "--debug",
      ...["--runtime", "stub"],
      ...["--use", "abort="],
      "--importMemory",
      "--sharedMemory",
      ...["--initialMemory", "1"],
      ...["--maximumMemory", String(MAXIMUM_PAGES)],
      ...featuresOf(variant).flatMap((feature) => ["--enable", feature]),
    ],
    {
      readFile: (name, base) => {
        if (name === "assembly/generated.ts") return bindings;
        try {
          return readFileSync(join(base, name), "utf8");
        } catch {
          return null;
        }
      },
      stdout: { write: (text: string | Uint8Array) => void log.push(String(text)) },
      stderr: { write: (text: string | Uint8Array) => void log.push(String(text)) },
    },
  );
  if (error) throw new Error(`AssemblyScript refuses the control flow:\n${log.join("")}`, { cause: error });
}

function merge(controlFlow: string, kernels: string, output: string, variant: Variant): Uint8Array {
  const features = [...DEFAULT_FEATURES, ...featuresOf(variant), "multimemory"].map((feature) => `--enable-${feature}`);
  execFileSync(process.execPath, [
    join(BINARYEN, "bin/wasm-merge"),
    controlFlow,
    "control",
    kernels,
    "kernels",
    "-o",
    output,
    "-g",
    ...features,
  ]);
  const module = binaryen.readBinary(readFileSync(output));
  for (let i = module.getNumExports() - 1; i >= 0; i--) {
    const { name } = binaryen.getExportInfo(module.getExportByIndex(i));
    if (!EXPORTS.includes(name)) module.removeExport(name);
  }
  module.runPasses(["remove-unused-module-elements"]);
  const binary = module.emitBinary();
  module.dispose();
  return binary;
}

async function buildVariant(variant: Variant, directory: string): Promise<Uint8Array> {
  const path = (name: string) => join(directory, `${variant.name}.${name}.wasm`);
  const { kernels, minusInfinity } = buildKernels(variant);
  const memory = `(import "control" "memory" (memory 1 ${MAXIMUM_PAGES} shared))`;
  writeFileSync(path("kernels"), compileKernels(kernels, memory));
  await compileControlFlow(generateBindings(variant, kernels, minusInfinity), variant, path("control"));
  return merge(path("control"), path("kernels"), path("merged"), variant);
}

const directory = mkdtempSync(join(tmpdir(), "repvgg-engine-"));
mkdirSync(OUTPUT, { recursive: true });
try {
  for (const variant of VARIANTS) {
    const binary = await buildVariant(variant, directory);
    writeFileSync(join(OUTPUT, `${variant.name}.wasm`), binary);
    console.log(`wasm/${variant.name}.wasm  ${binary.length} bytes`);
  }
  const probe = compileKernels([probeKernel("packed"), probeKernel("plain")], "(memory 1)");
  writeFileSync(join(OUTPUT, "probe.wasm"), probe);
  console.log(`wasm/probe.wasm  ${probe.length} bytes`);
} finally {
  rmSync(directory, { recursive: true });
}
