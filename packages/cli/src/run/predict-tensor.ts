import { nchwToNhwc } from "@repvgg/checkpoint";
import { loadTensors, saveTensors } from "@repvgg/checkpoint/node";
import { type NdArray, RepvggError } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { loadTrained } from "./model.ts";
import { openDeviceOf } from "./open-device.ts";
import type { PredictOptions } from "./predict-images.ts";

const INPUT = "input";

/** The logits of a tensor of prepared images: the exact way in and out, for comparisons with other programs. */
export async function predictTensor(
  path: string,
  images: readonly string[],
  options: PredictOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const { tensor, logits: out } = options;
  if (tensor === undefined || out === undefined || images.length > 0) {
    throw new RepvggError(
      "E_USAGE",
      "--tensor IN.safetensors and --logits OUT.safetensors belong together, without images.",
    );
  }
  const { spec, state, form } = await loadTrained(path, { emaWeights: options.emaWeights });
  const input = nchwToNhwc(await readInput(tensor, spec.inputChannels));
  const [N, height, width] = input.shape;
  const device = await openDeviceOf(options, terminal);
  try {
    const batchSize = Math.min(options.batchSize, N);
    const network = await device.createNetwork({ spec, state, form, imageSize: [height, width], batchSize });
    try {
      const logits = await network.predict(input);
      await saveTensors(out, new Map([["logits", logits]]));
      return { value: { shape: logits.shape }, text: `${out}: logits [${logits.shape.join(", ")}]` };
    } finally {
      network.dispose();
    }
  } finally {
    device.dispose();
  }
}

/** @throws {RepvggError} `E_DATA`: the file has no `input` [N, C, H, W] of the network's channels. */
async function readInput(file: string, channels: number): Promise<NdArray> {
  const { tensors } = await loadTensors(file);
  const input = tensors.get(INPUT);
  if (input === undefined) {
    throw new RepvggError(
      "E_DATA",
      `${file} has no tensor "${INPUT}"; it has ${[...tensors.keys()].join(", ") || "none"}.`,
    );
  }
  const { shape } = input;
  if (shape.length !== 4 || shape[1] !== channels || shape.some((n) => n < 1)) {
    throw new RepvggError(
      "E_DATA",
      `"${INPUT}" of ${file} must have shape [N, ${channels}, H, W], got [${shape.join(", ")}].`,
    );
  }
  return input;
}
