/**
 * Measures the engine beside other libraries: `npm run bench -- --help`.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { enableWideKernels } from "@repvgg/engine";
import { CASES } from "./cases.ts";
import { compare } from "./compare.ts";
import { devicePeer } from "./peers/device.ts";
import { pytorchPeer } from "./peers/pytorch.ts";
import { comparisonLines, machineLines } from "./report.ts";

const HELP = `npm run bench -- [options]

  --only TEXT     cases whose title contains it                                    default: all
  --rounds N      rounds; every peer has its turn in each                          default: 21
  --threads N     threads of each peer (tfjs has one in Node)                      default: all cores
  --no-wide       the engine without V8's 256-bit code
  --write         also writes bench/RESULTS.md

PyTorch takes part where python3, or the Python that REPVGG_PYTHON names, has torch. Give the machine nothing else to do.
`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "21" },
    threads: { type: "string", default: String(availableParallelism()) },
    "no-wide": { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) {
  process.stdout.write(HELP);
} else {
  if (!values["no-wide"]) enableWideKernels();
  const [rounds, threads] = [Number(values.rounds), Number(values.threads)];
  const pytorch = pytorchPeer();
  const peers = [
    devicePeer("engine", "wasm"),
    devicePeer("tfjs WebAssembly", "tfjs-wasm"),
    ...(pytorch ? [pytorch] : []),
  ];
  if (!pytorch) console.error("No Python with torch: PyTorch is left out. REPVGG_PYTHON names another Python.");

  const lines = [
    "# Measured speed",
    "",
    "Written by `npm run bench -- --write`.",
    "",
    ...machineLines(threads, rounds),
  ];
  console.log(lines.slice(4).join("\n"));
  for (const work of CASES.filter(({ title }) => title.includes(values.only))) {
    const text = ["", ...comparisonLines(await compare(work, peers, threads, rounds))];
    console.log(text.join("\n"));
    lines.push(...text);
  }
  if (values.write) writeFileSync(new URL("RESULTS.md", import.meta.url), `${lines.join("\n")}\n`);
}
