// Everything that only moves, scales or sums.
import { lineOffset } from "./batch-norm";
import {
  AveragePool,
  AveragePoolGradient,
  ClearBetweenGroups,
  ColumnSums,
  PANEL_BYTES,
  PadInput,
  Sgd,
  scale,
  sgdNesterov,
  sgd as sgdStep,
  sums,
  TransposeWeights,
  transpose,
} from "./generated";

export function padInput(call: PadInput, start: i32, end: i32): void {
  for (let line = start; line < end; line++) {
    const target = call.target + lineOffset(line, call.height, call.imageBytes, call.rowBytes);
    memory.copy(target, call.source + line * call.lineBytes, call.lineBytes);
  }
}

export function transposeWeights(call: TransposeWeights, start: i32, end: i32): void {
  for (let panel = start; panel < end; panel++) {
    const group = panel / call.panelsPerGroup;
    const source =
      call.source +
      group * (call.outputChannels >> 4) * call.panelBytes +
      ((panel - group * call.panelsPerGroup) << 4) * call.channelBytes;
    const target = call.target + panel * call.targetPanelBytes;
    for (let n = 0; n < call.outputChannels; n += 16)
      for (let i = 0; i < call.tapCount; i++) {
        const from = source + (n >> 4) * call.panelBytes + load<i32>(call.taps + (i << 2)) * call.tapBytes;
        const to = target + n * call.targetChannelBytes + i * call.targetTapBytes;
        transpose(from, call.channelBytes, to, call.targetChannelBytes);
      }
  }
}

export function clearBetweenGroups(call: ClearBetweenGroups, start: i32, end: i32): void {
  for (let panel = start; panel < end; panel++) {
    const gradient = call.gradient + panel * call.panelBytes,
      first = (panel % call.panelsPerGroup) << 4;
    for (let c = 0; c < call.channels; c++) {
      const own = c / call.inputs;
      for (let n = 0; n < 16; n++) {
        if ((first + n) / call.outputs === own) continue;
        for (let tap = 0; tap < call.tapCount; tap++)
          store<f32>(gradient + c * call.channelBytes + tap * call.tapBytes + (n << 2), 0);
      }
    }
  }
}

export function averagePool(call: AveragePool, start: i32, end: i32): void {
  const panels = call.channels >> 4,
    pixelBytes = call.channels << 2;
  const factor = reinterpret<i32>(<f32>1 / <f32>(call.height * call.width));
  for (let unit = start; unit < end; unit++) {
    const image = unit / panels,
      c = (unit % panels) * PANEL_BYTES;
    const output = call.output + image * pixelBytes + c;
    memory.fill(output, 0, PANEL_BYTES);
    for (let y = 0; y < call.height; y++)
      sums(call.input + image * call.imageBytes + y * call.rowBytes + c, call.width, pixelBytes, output);
    scale(output, output, PANEL_BYTES, factor);
  }
}

export function averagePoolGradient(call: AveragePoolGradient, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2;
  const factor = reinterpret<i32>(<f32>1 / <f32>(call.height * call.width));
  for (let line = start; line < end; line++) {
    const gradient = call.gradient + (line / call.height) * pixelBytes;
    const output = call.output + line * call.width * pixelBytes;
    for (let x = 0; x < call.width; x++) scale(gradient, output + x * pixelBytes, pixelBytes, factor);
  }
}

export function columnSums(call: ColumnSums, start: i32, end: i32): void {
  memory.fill(call.output + start * PANEL_BYTES, 0, (end - start) * PANEL_BYTES);
  for (let c = start * PANEL_BYTES; c < end * PANEL_BYTES; c += PANEL_BYTES)
    sums(call.input + c, call.rows, call.channels << 2, call.output + c);
}

export function sgd(call: Sgd, start: i32, end: i32): void {
  const offset = start * PANEL_BYTES,
    blocks = end - start;
  const parameters = call.parameters + offset,
    gradients = call.gradients + offset,
    velocity = call.velocity + offset;
  if (load<f32>(call.settings + 16) !== 0) sgdNesterov(parameters, gradients, velocity, call.settings, blocks);
  else sgdStep(parameters, gradients, velocity, call.settings, blocks);
}
