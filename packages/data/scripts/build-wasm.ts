/** Builds ../wasm/resample.wasm from ../assembly. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT = "wasm/resample.wasm";

const log: string[] = [];
const keep = { write: (text: string | Uint8Array) => void log.push(String(text)) };
const { error } = await asc.main(
  [
    "assembly/resample.ts",
    ...["--outFile", OUTPUT],
    ...["--baseDir", PACKAGE],
    "-O3",
    "--noAssert",
    ...["--runtime", "stub"],
    ...["--enable", "simd"],
    ...["--initialMemory", "1"],
  ],
  {
    readFile: (name, base) => {
      try {
        return readFileSync(join(base, name), "utf8");
      } catch {
        return null; // It looks in several places.
      }
    },
    writeFile: (name, contents) => {
      mkdirSync(join(PACKAGE, "wasm"), { recursive: true });
      writeFileSync(join(PACKAGE, name), contents);
      console.log(`${name}  ${contents.length} bytes`);
    },
    stdout: keep,
    stderr: keep,
  },
);
if (error) throw new Error(`AssemblyScript refuses the code:\n${log.join("")}`, { cause: error });
