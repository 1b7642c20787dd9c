// Batch normalization: sums over pixels in float32, what follows from them in float64.
import {
  BatchNormBackward,
  BatchNormBackwardInput,
  BatchNormBackwardSums,
  BatchNormForward,
  BatchNormInference,
  BatchNormSums,
  backwardInput,
  backwardSums,
  Combine,
  combine as combineRow,
  MINUS_INFINITY,
  PANEL_BYTES,
  shiftedSums,
  TILE_BYTES,
  ZEROS,
} from "./generated";

/** Byte offset of line `line` (row line % height of image line / height). */
export function lineOffset(line: i32, height: i32, imageBytes: i32, rowBytes: i32): i32 {
  return (line / height) * imageBytes + (line % height) * rowBytes;
}

/** The first line of part `part`. */
function partStart(part: i32, lines: i32, parts: i32): i32 {
  return <i32>((<i64>part * lines) / parts);
}

export function batchNormSums(call: BatchNormSums, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2;
  for (let part = start; part < end; part++) {
    const sums = call.sums + part * 2 * pixelBytes;
    memory.fill(sums, 0, 2 * pixelBytes);
    const last = partStart(part + 1, call.lines, call.parts);
    for (let line = partStart(part, call.lines, call.parts); line < last; line++) {
      const x = call.x + lineOffset(line, call.height, call.imageBytes, call.rowBytes);
      for (let c = 0; c < pixelBytes; c += PANEL_BYTES)
        shiftedSums(x + c, call.width, pixelBytes, call.x + c, sums + c, sums + pixelBytes + c);
    }
  }
}

/** The sum of one float of every part, `stride` bytes apart. */
function sumOfParts(address: i32, parts: i32, stride: i32): f64 {
  let sum: f64 = 0;
  for (let part = 0; part < parts; part++) sum += load<f32>(address + part * stride);
  return sum;
}

function floatAt(address: i32): f64 {
  return load<f32>(address);
}

/** scale and bias of a channel (offset c), of its mean and 1/√(var + ε). */
function storeScale(
  c: i32,
  gamma: i32,
  beta: i32,
  mean: f64,
  invStd: f64,
  scale: i32,
  bias: i32,
  accumulate: i32,
): void {
  const factor = floatAt(gamma + c) * invStd;
  store<f32>(scale + c, <f32>factor);
  const before = accumulate ? floatAt(bias + c) : 0;
  store<f32>(bias + c, <f32>(before + floatAt(beta + c) - mean * factor));
}

export function batchNormForward(call: BatchNormForward, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2;
  const count = <f64>reinterpret<f32>(call.count);
  const momentum = <f64>reinterpret<f32>(call.momentum),
    epsilon = <f64>reinterpret<f32>(call.epsilon);
  // A single element has no unbiased variance: 0 then, rather than 0/0.
  const unbiased = count / max<f64>(count - 1, 1);
  for (let c = start * PANEL_BYTES; c < end * PANEL_BYTES; c += 4) {
    const shifted = sumOfParts(call.sums + c, call.parts, 2 * pixelBytes) / count;
    const square = sumOfParts(call.sums + pixelBytes + c, call.parts, 2 * pixelBytes) / count;
    const mean = shifted + floatAt(call.x + c);
    const variance = max<f64>(square - shifted * shifted, 0);
    const invStd = 1 / Math.sqrt(variance + epsilon);
    store<f32>(call.mean + c, <f32>mean);
    store<f32>(call.invStd + c, <f32>invStd);
    const runningMean = floatAt(call.runningMean + c),
      runningVar = floatAt(call.runningVar + c);
    store<f32>(call.runningMean + c, <f32>(runningMean + momentum * (mean - runningMean)));
    store<f32>(call.runningVar + c, <f32>(runningVar + momentum * (variance * unbiased - runningVar)));
    storeScale(c, call.gamma, call.beta, mean, invStd, call.scale, call.bias, call.accumulateBias);
  }
}

export function batchNormInference(call: BatchNormInference, start: i32, end: i32): void {
  const epsilon = <f64>reinterpret<f32>(call.epsilon);
  for (let c = start * PANEL_BYTES; c < end * PANEL_BYTES; c += 4) {
    const invStd = 1 / Math.sqrt(floatAt(call.runningVar + c) + epsilon);
    const mean = floatAt(call.runningMean + c);
    storeScale(c, call.gamma, call.beta, mean, invStd, call.scale, call.bias, call.accumulateBias);
  }
}

export function combine(call: Combine, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2,
    lineBytes = call.width * pixelBytes;
  for (let line = start; line < end; line++) {
    combineRow(
      call.x2 ? 3 : 2,
      call.width,
      pixelBytes,
      call.x0 + line * lineBytes,
      call.x1 + line * lineBytes,
      call.x2 + lineOffset(line, call.height, call.x2ImageBytes, call.x2RowBytes),
      call.y + lineOffset(line, call.height, call.imageBytes, call.rowBytes),
      call.scale0,
      call.scale1,
      call.scale2,
      call.bias,
      call.relu ? ZEROS : MINUS_INFINITY,
    );
  }
}

export function batchNormBackwardSums(call: BatchNormBackwardSums, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2,
    lineBytes = call.width * pixelBytes;
  for (let part = start; part < end; part++) {
    const sums = call.sums + part * 4 * pixelBytes;
    memory.fill(sums, 0, 4 * pixelBytes);
    const last = partStart(part + 1, call.lines, call.parts);
    for (let line = partStart(part, call.lines, call.parts); line < last; line++) {
      const dense = line * lineBytes;
      const y = call.y + lineOffset(line, call.height, call.imageBytes, call.rowBytes);
      const x2 = call.x2 + lineOffset(line, call.height, call.x2ImageBytes, call.x2RowBytes);
      for (let c = 0; c < pixelBytes; c += TILE_BYTES) {
        const d = dense + c;
        backwardSums(
          call.x2 ? 3 : 2,
          call.width,
          pixelBytes,
          call.dy + d,
          y + c,
          call.x0 + d,
          call.x1 + d,
          x2 + c,
          call.mean0 + c,
          call.mean1 + c,
          call.mean2 + c,
          sums + c,
        );
      }
    }
  }
}

export function batchNormBackward(call: BatchNormBackward, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2;
  const count = <f64>reinterpret<f32>(call.count);
  for (let c = start * PANEL_BYTES; c < end * PANEL_BYTES; c += 4) {
    const sum = sumOfParts(call.sums + c, call.parts, 4 * pixelBytes);
    const product = sumOfParts(call.sums + (call.branch + 1) * pixelBytes + c, call.parts, 4 * pixelBytes);
    const mean = floatAt(call.mean + c),
      invStd = floatAt(call.invStd + c);
    store<f32>(call.gammaGradient + c, <f32>(product * invStd));
    store<f32>(call.betaGradient + c, <f32>sum);
    const u = floatAt(call.gamma + c) * invStd;
    const v = (-u * invStd * invStd * product) / count;
    store<f32>(call.coefficients + c, <f32>u);
    store<f32>(call.coefficients + pixelBytes + c, <f32>v);
    store<f32>(call.coefficients + 2 * pixelBytes + c, <f32>((-u * sum) / count - v * mean));
  }
}

export function batchNormBackwardInput(call: BatchNormBackwardInput, start: i32, end: i32): void {
  const pixelBytes = call.channels << 2,
    lineBytes = call.width * pixelBytes;
  for (let line = start; line < end; line++) {
    const dense = line * lineBytes;
    backwardInput(
      call.x2 ? 3 : 2,
      call.width,
      pixelBytes,
      call.dy + dense,
      call.y + lineOffset(line, call.height, call.imageBytes, call.rowBytes),
      call.x0 + dense,
      call.x1 + dense,
      call.x2 + lineOffset(line, call.height, call.x2ImageBytes, call.x2RowBytes),
      call.d0 + lineOffset(line, call.height, call.d0ImageBytes, call.d0RowBytes),
      call.d1 + dense,
      call.d2 + dense,
      call.coefficients0,
      call.coefficients1,
      call.coefficients2,
    );
  }
}
