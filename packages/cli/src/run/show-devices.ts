import { type DeviceStatus, listDevices } from "@repvgg/backend";
import { explainAuto, keepStepTimes } from "@repvgg/backend/node";
import { findVariant } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { autoText, describeAuto } from "./describe-auto.ts";
import { measureStep } from "./measure-step.ts";
import { prepareEngine } from "./open-device.ts";
import { table } from "./table.ts";

interface Options {
  model: string;
  batch: number;
  imageSize: number;
  threads?: number | undefined;
  noWide: boolean;
  noMeasure: boolean;
}

type Measured = DeviceStatus & { stepMs: number | null };

/** Every device with the reason why it can or cannot be used, and the time of a training step, by which `auto` chooses from then on. */
export async function showDevices(options: Options, terminal: Terminal): Promise<CommandResult> {
  const { name: model } = findVariant(options.model);
  await prepareEngine(options, terminal);
  const devices: Measured[] = [];
  for (const status of await listDevices()) {
    devices.push(await measured(status, { ...options, model }, terminal));
  }
  const step = `${model} on ${options.batch} images of ${options.imageSize}x${options.imageSize}`;
  if (areOfDefaults(options)) await keep(devices, step, terminal);
  const explained = await explainAuto(devices);
  const value: Measured[] = devices.map((device, i) => ({ ...device, auto: explained[i]!.auto }));
  return { value, text: describe(value, step, options) };
}

/** Whether the times are those that a command has which chooses its device. */
const areOfDefaults = ({ noMeasure, noWide, threads }: Options) => !noMeasure && !noWide && threads === undefined;

/** Times that cannot be kept are shown all the same. */
async function keep(devices: readonly Measured[], step: string, terminal: Terminal): Promise<void> {
  const stepMs = Object.fromEntries(
    devices.filter(({ stepMs }) => stepMs !== null).map(({ name, stepMs }) => [name, stepMs]),
  );
  try {
    await keepStepTimes({ measured: new Date().toISOString(), step, stepMs });
  } catch (error) {
    terminal.note(`The times could not be kept for --device auto: ${(error as Error).message}`);
  }
}

/** A device that fails at the step does not work, whatever it said. */
async function measured(status: DeviceStatus, options: Options, terminal: Terminal): Promise<Measured> {
  if (!status.available || options.noMeasure) return { ...status, stepMs: null };
  if (terminal.lively) terminal.note(`measuring ${status.name} ...`);
  try {
    return { ...status, stepMs: await measureStep(status.name, options) };
  } catch (error) {
    return { ...status, available: false, reason: (error as Error).message, stepMs: null };
  }
}

function describe(devices: readonly Measured[], step: string, { noMeasure }: Options): string {
  const rows = devices.map(({ name, available, reason, stepMs, auto }) => [
    name,
    available ? "yes" : "no",
    stepMs === null ? "-" : stepMs.toFixed(stepMs < 10 ? 2 : 1),
    autoText(auto),
    reason,
  ]);
  const columns = [
    { title: "device", align: "left" },
    { title: "works", align: "left" },
    { title: "step, ms" },
    { title: "auto", align: "left" },
    { title: "why", align: "left" },
  ] as const;
  const measured = noMeasure ? [] : [`A step trains ${step}.`];
  return [table(columns, rows), "", ...measured, describeAuto(devices)].join("\n");
}
