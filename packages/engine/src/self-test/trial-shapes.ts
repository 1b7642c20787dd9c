/** Activations of the trial: two images, two panels of channels, lines shorter than any register tile. */
export const CHANNELS = 32;
export const PANELS = CHANNELS / 16;
export const [IMAGES, HEIGHT, WIDTH] = [2, 2, 3];
export const LINES = IMAGES * HEIGHT;
export const [PIXEL_BYTES, ROW_BYTES] = [CHANNELS * 4, WIDTH * CHANNELS * 4];
export const IMAGE_BYTES = HEIGHT * ROW_BYTES;
export const ACTIVATIONS = LINES * WIDTH * CHANNELS;

/** What calls say of a dense image layout. */
export const lines = {
  imageBytes: IMAGE_BYTES,
  rowBytes: ROW_BYTES,
  height: HEIGHT,
  width: WIDTH,
  channels: CHANNELS,
};
