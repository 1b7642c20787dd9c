// Direct convolutions and their kernel gradients.
import {
  Convolve,
  GATHERED_PANELS,
  gather,
  gemm,
  gemmAdd,
  KernelGradient,
  MINUS_INFINITY,
  outerProduct,
  PANEL_BYTES,
  TILE_BYTES,
  TILE_ROWS,
  ZEROS,
} from "./generated";

/** Blocks of `height` rows times one panel, written or, with `accumulate`, added to the output. Parameters as of the kernel. */
function multiplyBlocks(
  accumulate: bool,
  height: i32,
  inputTable: i32,
  blocks: i32,
  input: i32,
  weights: i32,
  runFloats: i32,
  runs: i32,
  runTable: i32,
  outputTable: i32,
  output: i32,
  bias: i32,
  floor: i32,
): void {
  if (accumulate)
    gemmAdd(height, inputTable, blocks, input, weights, runFloats, runs, runTable, outputTable, output, bias, floor);
  else gemm(height, inputTable, blocks, input, weights, runFloats, runs, runTable, outputTable, output, bias, floor);
}

/**
 * `rows` rows times one panel, as blocks of nearly equal height (16 is 6 + 5 + 5), as narrow as the register tile.
 * With `accumulate`, bias and floor are not used.
 */
export function multiply(
  accumulate: bool,
  rows: i32,
  inputTable: i32,
  input: i32,
  weights: i32,
  runFloats: i32,
  runs: i32,
  runTable: i32,
  outputTable: i32,
  output: i32,
  bias: i32,
  floor: i32,
): void {
  const blocks = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const low = rows / blocks;
  const high = rows - low * blocks;
  const taken = (high * (low + 1)) << 2;
  for (let x = 0; x < PANEL_BYTES; x += TILE_BYTES) {
    const w = weights + x,
      o = output + x,
      b = bias + x;
    if (high > 0)
      multiplyBlocks(
        accumulate,
        low + 1,
        inputTable,
        high,
        input,
        w,
        runFloats,
        runs,
        runTable,
        outputTable,
        o,
        b,
        floor,
      );
    if (high < blocks)
      multiplyBlocks(
        accumulate,
        low,
        inputTable + taken,
        blocks - high,
        input,
        w,
        runFloats,
        runs,
        runTable,
        outputTable + taken,
        o,
        b,
        floor,
      );
  }
}

export function convolve(call: Convolve, start: i32, end: i32): void {
  let row = 0,
    lastRow = call.rows,
    firstPanel = 0,
    lastPanel = call.panels;
  if (call.splitPanels) {
    firstPanel = start;
    lastPanel = end;
  } else {
    row = start;
    lastRow = end;
  }
  const panelBytes = call.runs * call.runFloats * PANEL_BYTES;
  const floor = call.relu ? ZEROS : MINUS_INFINITY;
  const accumulate = call.accumulate !== 0;
  for (; row < lastRow; row += call.chunk) {
    const rows = min(call.chunk, lastRow - row);
    const inputTable = call.inputTable + (row << 2),
      outputTable = call.outputTable + (row << 2);
    for (let panel = firstPanel; panel < lastPanel; panel++) {
      const weights = call.weights + panel * panelBytes,
        output = call.output + panel * PANEL_BYTES,
        input = call.input + (panel / call.panelsPerGroup) * call.groupBytes;
      multiply(
        accumulate,
        rows,
        inputTable,
        input,
        weights,
        call.runFloats,
        call.runs,
        call.runTable,
        outputTable,
        output,
        accumulate ? ZEROS : call.bias + panel * PANEL_BYTES,
        floor,
      );
    }
  }
}

export function kernelGradient(call: KernelGradient, start: i32, end: i32, scratch: i32): void {
  let first = 0,
    last = call.runs * call.runFloats,
    firstPanel = 0,
    lastPanel = call.panels;
  if (call.splitPanels) {
    firstPanel = start;
    lastPanel = end;
  } else {
    first = start;
    last = end;
  }
  for (let row = 0; row < call.rows; row += call.chunk) {
    const rows = min(call.chunk, call.rows - row);
    for (let panel = firstPanel; panel < lastPanel; panel += GATHERED_PANELS) {
      const panels = min(GATHERED_PANELS, lastPanel - panel);
      gradientOfPanels(call, row, rows, first, last, panel, panels, scratch);
    }
  }
}

/**
 * Adds rows [row, row + rows) to elements [first, last) of the gradients of some panels. The rows' gradients are gathered first:
 * every block of elements reads them, and in place they are a power of two apart often enough to share few cache sets.
 */
function gradientOfPanels(
  call: KernelGradient,
  row: i32,
  rows: i32,
  first: i32,
  last: i32,
  panel: i32,
  panels: i32,
  gathered: i32,
): void {
  const elements = call.runs * call.runFloats;
  const panelBytes = rows * PANEL_BYTES;
  for (let p = 0; p < panels; p++)
    gather(call.gradientTable + (row << 2), rows, call.gradient + (panel + p) * PANEL_BYTES, gathered + p * panelBytes);
  const inputTable = call.inputTable + (row << 2);
  for (let k = first; k < last; ) {
    const inRun = k % call.runFloats;
    const left = min(call.runFloats - inRun, last - k);
    const blocks = (left + TILE_ROWS - 1) / TILE_ROWS;
    const height = (left + blocks - 1) / blocks;
    const element = call.input + load<i32>(call.runTable + ((k / call.runFloats) << 2)) + (inRun << 2);
    for (let p = 0; p < panels; p++) {
      const input = element + ((panel + p) / call.panelsPerGroup) * call.groupBytes;
      const target = call.target + ((panel + p) * elements + k) * PANEL_BYTES;
      for (let x = 0; x < PANEL_BYTES; x += TILE_BYTES)
        outerProduct(height, inputTable, rows, input, gathered + p * panelBytes + x, target + x, i32(row > 0));
    }
    k += height;
  }
}
