/**
 * Loads an optional device in a process of its own and lets it compute, so that a crash there ends nobody's work. Plain JavaScript, so
 * that it runs from the sources and from the build on every Node. Prints one line of JSON when all went well.
 *
 * Arguments: `tensorflow PACKAGE`, or `webgpu`.
 */
import { createRequire } from "node:module";
import util from "node:util";

const [kind, packageName] = process.argv.slice(2);

/** A convolution, and the gradient at its kernel: where broken installations crash. */
function compute(tf) {
  const x = tf.ones([1, 8, 8, 3]);
  const kernel = tf.ones([3, 3, 3, 16]);
  const gradient = tf.grad((k) => tf.sum(tf.conv2d(x, k, 1, "same")))(kernel);
  return gradient.data();
}

async function tensorflow() {
  const old = /** @type {any} */ (util);
  old.isNullOrUndefined ??= (value) => value === null || value === undefined;
  old.isArray ??= Array.isArray;
  const tf = createRequire(import.meta.url)(packageName);
  await compute(tf);
  const { binding, isUsingGpuDevice } = tf.backend();
  return { version: binding.TF_Version, gpu: isUsingGpuDevice };
}

async function webgpu() {
  const dawn = await import("webgpu");
  Object.assign(globalThis, dawn.globals);
  const adapter = await dawn.create([]).requestAdapter();
  return { adapter: adapter !== null };
}

const found = kind === "webgpu" ? await webgpu() : await tensorflow();
process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
