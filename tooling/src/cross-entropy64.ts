/**
 * Cross-entropy of logits `[N, C]`, averaged over the batch, and its gradient at the logits.
 *
 * @param labels One class a row.
 */
export function crossEntropy64(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
): { loss: number; gradient: Float64Array } {
  const rows = labels.length;
  const classes = logits.length / rows;
  const gradient = new Float64Array(logits.length);
  let loss = 0;
  for (let n = 0; n < rows; n++) {
    const row = Array.from({ length: classes }, (_, c) => logits[n * classes + c]!);
    const largest = Math.max(...row);
    const sum = row.reduce((total, z) => total + Math.exp(z - largest), 0);
    row.forEach((z, c) => {
      const hot = c === labels[n] ? 1 : 0;
      gradient[n * classes + c] = (Math.exp(z - largest) / sum - hot) / rows;
      loss += (hot * (Math.log(sum) + largest - z)) / rows;
    });
  }
  return { loss, gradient };
}
