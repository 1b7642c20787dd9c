// Arrays of a state dict on their way into panels.
import { ArrangeRows, copyPanelRows, PANEL_BYTES } from "./generated";

const PANEL: i32 = 16;
const PIECE_BYTES: i32 = 12;

/** As {@link copyPanelRows}, of `length` floats, less than a panel. */
function copyShortRows(
  length: i32,
  rows: i32,
  source: i32,
  sourceBytes: i32,
  target: i32,
  targetBytes: i32,
  special: i32,
): void {
  let carried: i32 = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < length << 2; i += 4) {
      const bits = load<i32>(source + i);
      store<i32>(target + i, bits);
      carried |= (bits & 0x7f800000) + 0x00800000;
    }
    source += sourceBytes;
    target += targetBytes;
  }
  store<i32>(special, load<i32>(special) | carried);
}

export function arrangeRows(call: ArrangeRows, start: i32, end: i32): void {
  const lastRow = call.firstRow + call.rows;
  for (let unit = start; unit < end; unit++) {
    const piece = call.pieces + unit * PIECE_BYTES,
      special = call.special + unit * PANEL_BYTES;
    const length = load<i32>(piece, 4);
    const panel = call.target + (load<i32>(piece, 8) << 2);
    let source = call.source + (load<i32>(piece) << 2);
    for (let row = call.firstRow; row < lastRow; ) {
      const tap = row / call.inputs,
        input = row % call.inputs;
      const target = panel + tap * call.tapBytes + input * call.inputBytes;
      const rows = min(lastRow - row, call.inputs - input);
      if (length === PANEL) copyPanelRows(rows, source, call.rowBytes, target, call.inputBytes, special);
      else copyShortRows(length, rows, source, call.rowBytes, target, call.inputBytes, special);
      source += rows * call.rowBytes;
      row += rows;
    }
  }
}
