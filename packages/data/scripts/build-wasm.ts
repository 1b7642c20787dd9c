/** Builds ../wasm from ../assembly: a module of each file. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

for (const name of ["jpeg", "resample"]) await build(name);

async function build(name: string): Promise<void> {
  const log: string[] = [];
  const keep = { write: (text: string | Uint8Array) => void log.push(String(text)) };
  const { error } = await asc.main(
    [
      `assembly/${name}.ts`,
      ...["--outFile", `wasm/${name}.wasm`],
      ...["--baseDir", PACKAGE],
      "-O3",
      "--noAssert",
      ...["--runtime", "stub"],
      ...["--enable", "simd"],
      ...["--initialMemory", "1"],
    ],
    {
      readFile: (file, base) => {
        try {
          return readFileSync(join(base, file), "utf8");
        } catch {
          return null; // It looks in several places.
        }
      },
      writeFile: (file, contents) => {
        mkdirSync(join(PACKAGE, "wasm"), { recursive: true });
        writeFileSync(join(PACKAGE, file), contents);
        console.log(`${file}  ${contents.length} bytes`);
      },
      stdout: keep,
      stderr: keep,
    },
  );
  if (error) throw new Error(`AssemblyScript refuses ${name}.ts:\n${log.join("")}`, { cause: error });
}
