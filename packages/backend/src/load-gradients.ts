/**
 * Makes the gradients of all operations known to tfjs. In Node `@tensorflow/tfjs-core` brings none, and its module that
 * registers them cannot be imported there; tfjs-layers contains it. It is loaded only when something is to be trained.
 */
export async function loadGradients(): Promise<void> {
  await import("@tensorflow/tfjs-layers");
}
