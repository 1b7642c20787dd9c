// Squeeze-and-excitation: all but its two small products.
import { lineOffset } from "./batch-norm";
import {
  Gate,
  GateInputGradient,
  GateScaleGradient,
  gateInputRow,
  gate as gateRow,
  gateSums,
  PANEL_BYTES,
  ReluGradient,
  Sigmoid,
} from "./generated";

/** log₂ e, and ln 2 as a sum of which the first has few enough bits to be multiplied exactly. */
const LOG2_E: f64 = Math.LOG2E;
const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;

/**
 * exp(x), to float64's last digits: exp(r) · 2ᵏ with |r| ≤ ln 2 / 2. The standard library's has tables, for which the memory,
 * which is the host's, has no place.
 */
function exponential(x: f64): f64 {
  const bounded = max<f64>(min<f64>(x, 700), -700);
  const k = nearest<f64>(bounded * LOG2_E);
  const r = bounded - k * LN2_HIGH - k * LN2_LOW;
  let sum: f64 = 1;
  for (let n = 13; n > 0; n--) sum = 1 + (sum * r) / <f64>n;
  return sum * reinterpret<f64>((<i64>k + 1023) << 52);
}

export function sigmoid(call: Sigmoid, start: i32, end: i32): void {
  for (let i = start * PANEL_BYTES; i < end * PANEL_BYTES; i += 4)
    store<f32>(call.y + i, <f32>(1 / (1 + exponential(-(<f64>load<f32>(call.x + i))))));
}

export function gate(call: Gate, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2;
  for (let line = start; line < end; line++) {
    const x = call.x + lineOffset(line, call.height, call.xImageBytes, call.xRowBytes);
    const y = call.y + lineOffset(line, call.height, call.imageBytes, call.rowBytes);
    gateRow(call.width, pixelBytes, x, call.scale + (line / call.height) * pixelBytes, y);
  }
}

export function gateScaleGradient(call: GateScaleGradient, start: i32, end: i32): void {
  const panels = call.channels >> 4,
    pixelBytes = call.channels << 2,
    lineBytes = call.width * pixelBytes;
  for (let unit = start; unit < end; unit++) {
    const image = unit / panels,
      c = (unit % panels) * PANEL_BYTES;
    const output = call.output + image * pixelBytes + c,
      scale = call.scale + image * pixelBytes + c;
    memory.fill(output, 0, PANEL_BYTES);
    for (let y = 0; y < call.height; y++) {
      const dy = call.dy + (image * call.height + y) * lineBytes + c;
      gateSums(call.width, pixelBytes, dy, call.x + image * call.imageBytes + y * call.rowBytes + c, output);
    }
    for (let i = 0; i < PANEL_BYTES; i += 4) {
      const s = load<f32>(scale + i);
      store<f32>(output + i, load<f32>(output + i) * s * (1 - s));
    }
  }
}

export function gateInputGradient(call: GateInputGradient, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2;
  const factor = reinterpret<i32>(<f32>1 / <f32>(call.height * call.width));
  for (let line = start; line < end; line++) {
    const vectors = (line / call.height) * pixelBytes;
    const dy = call.dy + line * call.width * pixelBytes;
    const x = call.x + lineOffset(line, call.height, call.imageBytes, call.rowBytes);
    gateInputRow(call.width, pixelBytes, dy, x, call.scale + vectors, call.pooled + vectors, factor);
  }
}

export function reluGradient(call: ReluGradient, start: i32, end: i32): void {
  for (let i = start * PANEL_BYTES; i < end * PANEL_BYTES; i += 4)
    if (!(load<f32>(call.y + i) > 0)) store<f32>(call.gradient + i, 0);
}
