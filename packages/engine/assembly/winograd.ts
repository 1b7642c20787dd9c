// Winograd F(4×4, 3×3): tiles of activations and kernels in 36 planes, a product of each plane, and the way back.
//
// The thread's scratch (src/scratch.ts has the sizes): the tile kernels' rows, two tables of rows, then what the operation says.
import { multiply } from "./convolution";
import {
  GRADIENT_INPUTS,
  GRADIENT_PANELS,
  MINUS_INFINITY,
  outerProductStrided,
  PANEL_BYTES,
  PANEL_GROUP,
  PLANE_GAP,
  PLANES_OF_PART,
  TILE_BYTES,
  TILE_ROWS,
  TILE_SCRATCH_BYTES,
  winogradWeights as transformWeights,
  Winograd,
  WinogradGradient,
  WinogradInput,
  WinogradKernelGradient,
  WinogradWeights,
  winogradGradientTile,
  winogradInputTile,
  winogradKernelGradientTile,
  winogradOutputTile,
  winogradOutputTileAdd,
  ZEROS,
} from "./generated";

const PLANES: i32 = 36;
const TAPS: i32 = 9;
const PARTS: i32 = 3;

/** The plane of slot `i` of a part of the transformed weights: rows 0 and 5, 1 and 2, or 3 and 4 of the 6 × 6. */
function planeOf(part: i32, i: i32): i32 {
  if (part === 0) return i < 6 ? i : i + 24;
  return PLANES_OF_PART * part - 6 + i;
}

/** Byte offset of a tile's first pixel. */
function tileOffset(tile: i32, tilesPerImage: i32, tilesX: i32, imageBytes: i32, rowBytes: i32, pixelBytes: i32): i32 {
  const inImage = tile % tilesPerImage;
  return (tile / tilesPerImage) * imageBytes + 4 * (inImage / tilesX) * rowBytes + 4 * (inImage % tilesX) * pixelBytes;
}

export function winogradInput(call: WinogradInput, start: i32, end: i32, scratch: i32): void {
  const pixelBytes = call.channels << 2;
  for (let tile = start; tile < end; tile++) {
    const offset = tileOffset(tile, call.tilesPerImage, call.tilesX, call.imageBytes, call.rowBytes, pixelBytes);
    const planes = call.planes + tile * pixelBytes;
    winogradInputTile(call.input + offset, call.rowBytes, pixelBytes, planes, call.planeBytes, scratch);
  }
}

export function winogradGradient(call: WinogradGradient, start: i32, end: i32, scratch: i32): void {
  const pixelBytes = call.channels << 2;
  for (let tile = start; tile < end; tile++) {
    const offset = tileOffset(tile, call.tilesPerImage, call.tilesX, call.imageBytes, call.rowBytes, pixelBytes);
    const planes = call.planes + tile * pixelBytes;
    winogradGradientTile(call.gradient + offset, call.rowBytes, pixelBytes, planes, call.planeBytes, scratch);
  }
}

export function winogradWeights(call: WinogradWeights, start: i32, end: i32): void {
  const partBytes = PLANES_OF_PART * call.planeBytes;
  for (let panel = start; panel < end; panel++) {
    const weights = call.weights + panel * call.channels * TAPS * PANEL_BYTES;
    const target = call.target + panel * call.channels * PANEL_BYTES;
    for (let part = 0; part < PARTS; part++)
      transformWeights(part, weights, target + part * partBytes, call.planeBytes, call.channels);
  }
}

/** Writes `count` multiples of `step`; returns the end, on a cache line. */
function writeTable(address: i32, count: i32, step: i32): i32 {
  for (let i = 0; i < count; i++) store<i32>(address + (i << 2), i * step);
  return (address + (count << 2) + 63) & ~63;
}

export function winograd(call: Winograd, start: i32, end: i32, scratch: i32): void {
  let tile = 0,
    lastTile = call.tiles,
    firstPanel = 0,
    lastPanel = call.outputChannels >> 4;
  if (call.splitPanels) {
    firstPanel = start;
    lastPanel = end;
  } else {
    tile = start * call.chunk;
    lastTile = min(end * call.chunk, call.tiles);
  }
  const pixelBytes = call.channels << 2;
  const chunk = min(call.chunk, call.tiles);
  const group = call.transformed ? min(PANEL_GROUP, call.outputChannels >> 4) : 1;
  const productBytes = chunk * group * PANEL_BYTES + PLANE_GAP;

  const inputTable = scratch + TILE_SCRATCH_BYTES;
  const outputTable = writeTable(inputTable, chunk, pixelBytes);
  const products = writeTable(outputTable, chunk, group * PANEL_BYTES);
  const kernels = products + PLANES * productBytes;
  const ownPlanes = kernels + (call.transformed ? 0 : PLANES_OF_PART * (call.groupChannels * PANEL_BYTES + PLANE_GAP));

  for (; tile < lastTile; tile += chunk) {
    const tiles = min(chunk, lastTile - tile);
    const planes = call.planes ? call.planes + tile * pixelBytes : ownPlanes;
    if (call.transformInput) {
      for (let i = 0; i < tiles; i++) {
        const offset = tileOffset(
          tile + i,
          call.tilesPerImage,
          call.tilesX,
          call.imageBytes,
          call.rowBytes,
          pixelBytes,
        );
        const target = planes + i * pixelBytes;
        winogradInputTile(call.input + offset, call.rowBytes, pixelBytes, target, call.planeBytes, scratch);
      }
    }
    for (let panel = firstPanel; panel < lastPanel; panel += group) {
      const panels = min(group, lastPanel - panel);
      multiplyPlanes(call, tiles, panel, panels, inputTable, planes, outputTable, products, productBytes, kernels);
      for (let i = 0; i < tiles; i++)
        finishTile(call, tile + i, panel, panels, products + i * group * PANEL_BYTES, productBytes, scratch);
    }
  }
}

/** The 36 products of some tiles with a few panels, of kernels that are transformed now if they are not yet. */
function multiplyPlanes(
  call: Winograd,
  tiles: i32,
  panel: i32,
  panels: i32,
  inputTable: i32,
  planes: i32,
  outputTable: i32,
  products: i32,
  productBytes: i32,
  kernels: i32,
): void {
  const panelBytes = call.groupChannels * PANEL_BYTES;
  for (let part = 0; part < PARTS; part++) {
    let slots = kernels,
      slotBytes = panelBytes + PLANE_GAP;
    if (call.transformed) {
      slotBytes = call.weightPlaneBytes;
      slots = call.weights + part * PLANES_OF_PART * slotBytes + panel * panelBytes;
    } else {
      transformWeights(part, call.weights + panel * panelBytes * TAPS, kernels, slotBytes, call.groupChannels);
    }
    for (let i = 0; i < PLANES_OF_PART; i++) {
      const plane = planeOf(part, i);
      const input = planes + plane * call.planeBytes,
        output = products + plane * productBytes;
      for (let p = 0; p < panels; p++) {
        const weights = slots + i * slotBytes + p * panelBytes;
        multiply(
          false,
          tiles,
          inputTable,
          input + ((((panel + p) / call.panelsPerGroup) * call.groupChannels) << 2),
          weights,
          call.groupChannels,
          1,
          ZEROS,
          outputTable,
          output + p * PANEL_BYTES,
          ZEROS,
          MINUS_INFINITY,
        );
      }
    }
  }
}

/** The way back of one tile, as much of it as lies in the output. */
function finishTile(
  call: Winograd,
  tile: i32,
  panel: i32,
  panels: i32,
  products: i32,
  productBytes: i32,
  scratch: i32,
): void {
  const pixelBytes = call.outputChannels << 2,
    bytes = panels * PANEL_BYTES;
  const offset = tileOffset(
    tile,
    call.tilesPerImage,
    call.tilesX,
    call.outputImageBytes,
    call.outputRowBytes,
    pixelBytes,
  );
  const inImage = tile % call.tilesPerImage;
  const height = min(4, call.height - 4 * (inImage / call.tilesX)),
    width = min(4, call.width - 4 * (inImage % call.tilesX));
  const output = call.output + offset + panel * PANEL_BYTES;
  if (call.accumulate) {
    winogradOutputTileAdd(
      products,
      productBytes,
      output,
      call.outputRowBytes,
      pixelBytes,
      height,
      width,
      bytes,
      ZEROS,
      ZEROS,
      scratch,
    );
  } else {
    const bias = call.bias + panel * PANEL_BYTES,
      floor = call.relu ? ZEROS : MINUS_INFINITY;
    winogradOutputTile(
      products,
      productBytes,
      output,
      call.outputRowBytes,
      pixelBytes,
      height,
      width,
      bytes,
      bias,
      floor,
      scratch,
    );
  }
}

export function winogradKernelGradient(call: WinogradKernelGradient, start: i32, end: i32, scratch: i32): void {
  const inputPanels = call.groupChannels >> 4;
  for (let panel = start; panel < end; ) {
    const group = panel / inputPanels;
    const last = min(end, (group + 1) * inputPanels);
    gradientOfGroup(call, group, panel << 4, last << 4, scratch);
    panel = last;
  }
}

/** Gradients of input channels [first, last), which are all of one group, with the output channels of the group. */
function gradientOfGroup(call: WinogradKernelGradient, group: i32, first: i32, last: i32, scratch: i32): void {
  const lastPanel = (group + 1) * call.panelsPerGroup;
  const products = scratch + TILE_SCRATCH_BYTES;
  for (let panel = group * call.panelsPerGroup; panel < lastPanel; panel += GRADIENT_PANELS) {
    const panels = min(GRADIENT_PANELS, lastPanel - panel);
    for (let channel = first; channel < last; channel += GRADIENT_INPUTS) {
      const channels = min(GRADIENT_INPUTS, last - channel);
      // [panels][channels][16] in every plane
      const productBytes = panels * channels * PANEL_BYTES + PLANE_GAP;
      for (let plane = 0; plane < PLANES; plane++)
        sumOverTiles(call, plane, channel, channels, panel, panels, products + plane * productBytes);
      const inGroup = channel - group * call.groupChannels;
      for (let p = 0; p < panels; p++)
        for (let c = 0; c < channels; c++) {
          const target = call.target + ((panel + p) * call.groupChannels + inGroup + c) * TAPS * PANEL_BYTES;
          winogradKernelGradientTile(products + (p * channels + c) * PANEL_BYTES, productBytes, target, scratch);
        }
    }
  }
}

/** Σ_tiles V ⊗ D of one plane, some input channels and a few panels of output channels. */
function sumOverTiles(
  call: WinogradKernelGradient,
  plane: i32,
  channel: i32,
  channels: i32,
  panel: i32,
  panels: i32,
  target: i32,
): void {
  const blocks = (channels + TILE_ROWS - 1) / TILE_ROWS;
  for (let p = 0; p < panels; p++) {
    const d = call.gradientPlanes + plane * call.gradientPlaneBytes + (panel + p) * PANEL_BYTES;
    for (let block = 0; block < blocks; block++) {
      const c = (channels * block) / blocks,
        rows = (channels * (block + 1)) / blocks - c;
      const v = call.planes + plane * call.planeBytes + ((channel + c) << 2);
      const out = target + (p * channels + c) * PANEL_BYTES;
      for (let x = 0; x < PANEL_BYTES; x += TILE_BYTES)
        outerProductStrided(rows, v, call.channels << 2, d + x, call.outputChannels << 2, call.tiles, out + x);
    }
  }
}
