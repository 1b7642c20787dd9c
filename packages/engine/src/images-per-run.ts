/** Input pixels that a run takes at a time, as 16 images of 224 × 224 have: larger batches take memory, and no less time an image. */
const PIXELS_A_RUN = 16 * 224 * 224;

/** Images of a run of a network that answers: a large batch is several runs of about the same size. */
export function imagesPerRun(batchSize: number, [height, width]: readonly [number, number]): number {
  const most = Math.max(1, Math.floor(PIXELS_A_RUN / (height * width)));
  return Math.ceil(batchSize / Math.ceil(batchSize / most));
}
