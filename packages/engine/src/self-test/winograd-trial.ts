import type { TrialBuilder } from "./trial-builder.ts";

/** Two tiles of Winograd, of 16 channels, in planes with a gap. */
const tiles = { imageBytes: 6 * 6 * 64, rowBytes: 6 * 64, channels: 16, tilesX: 1, tilesPerImage: 1 };
const TILES = 2;
const TILE_PLANE_BYTES = TILES * 64 + 64;
const WEIGHT_PLANE_BYTES = 16 * 64 + 64;

export function emitWinograd(trial: TrialBuilder): void {
  const planes = () => trial.result((36 * TILE_PLANE_BYTES) / 4);
  trial.call("winogradInput", TILES, {
    ...tiles,
    input: trial.operand(),
    planes: planes(),
    planeBytes: TILE_PLANE_BYTES,
  });
  trial.call("winogradGradient", TILES, {
    ...tiles,
    gradient: trial.operand(2),
    planes: planes(),
    planeBytes: TILE_PLANE_BYTES,
  });
  trial.call("winogradWeights", 1, {
    weights: trial.operand(),
    channels: 2,
    target: trial.result(36 * 2 * 16),
    planeBytes: 2 * 64,
  });
  for (const accumulate of [0, 1]) {
    trial.call("winograd", 1, {
      ...tiles,
      // One above the other, the second a row too high for the output.
      tilesPerImage: TILES,
      input: trial.operand(),
      planes: 0,
      planeBytes: TILE_PLANE_BYTES,
      transformInput: 1,
      tiles: TILES,
      weights: trial.operand(),
      // Raw kernels, and, added to what is there, transformed ones.
      transformed: accumulate,
      weightPlaneBytes: WEIGHT_PLANE_BYTES,
      bias: trial.operand(1),
      output: trial.result(7 * 4 * 16),
      outputImageBytes: 7 * 4 * 64,
      outputRowBytes: 4 * 64,
      outputChannels: 16,
      height: 7,
      width: 4,
      groupChannels: 16,
      panelsPerGroup: 1,
      accumulate,
      relu: 1,
      chunk: TILES,
      splitPanels: 0,
    });
  }
  trial.call("winogradKernelGradient", 1, {
    planes: trial.operand(),
    planeBytes: TILE_PLANE_BYTES,
    gradientPlanes: trial.operand(7),
    gradientPlaneBytes: TILE_PLANE_BYTES,
    tiles: TILES,
    channels: 16,
    outputChannels: 16,
    groupChannels: 16,
    panelsPerGroup: 1,
    target: trial.result(9 * 16 * 16),
  });
}
