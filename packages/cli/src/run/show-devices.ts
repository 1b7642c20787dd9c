import { type DeviceStatus, listDevices } from "@repvgg/backend";
import { findVariant } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
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

/** Every device with the reason why it can or cannot be used, and the time of a training step. */
export async function showDevices(options: Options, terminal: Terminal): Promise<CommandResult> {
  const { name: model } = findVariant(options.model);
  await prepareEngine(options, terminal);
  const value: Measured[] = [];
  for (const status of await listDevices()) {
    value.push(await measured(status, { ...options, model }, terminal));
  }
  return { value, text: describe(value, { ...options, model }) };
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

function describe(devices: readonly Measured[], { model, batch, imageSize, noMeasure }: Options): string {
  const rows = devices.map(({ name, available, reason, stepMs }) => [
    name,
    available ? "yes" : "no",
    stepMs === null ? "-" : stepMs.toFixed(stepMs < 10 ? 2 : 1),
    reason,
  ]);
  const columns = [
    { title: "device", align: "left" },
    { title: "works", align: "left" },
    { title: "step, ms" },
    { title: "why", align: "left" },
  ] as const;
  const text = table(columns, rows);
  return noMeasure ? text : `${text}\n\nA step trains ${model} on ${batch} images of ${imageSize}x${imageSize}.`;
}
