import { RepvggError } from "@repvgg/core";

/** An input or output as onnxruntime tells it; a length that is a name, or not above 0, is open. */
export type OnnxValue =
  | { readonly name: string; readonly isTensor: false }
  | {
      readonly name: string;
      readonly isTensor: true;
      readonly type: string;
      readonly shape: readonly (number | string)[];
    };

/** How a classifier takes images and answers. */
export interface OnnxSignature {
  readonly input: string;
  readonly layout: "NCHW" | "NHWC";
  /** Lengths that the file leaves open are absent. */
  readonly batch?: number;
  readonly height?: number;
  readonly width?: number;
  /** The first of the outputs. */
  readonly output: string;
}

/**
 * Recognises a classifier by its inputs and outputs: one input of images, `[N, C, H, W]` or `[N, H, W, C]`, and logits `[N, classes]`.
 *
 * @param channels That the images have: they tell the layout. Where the file leaves them open it is `[N, C, H, W]`.
 * @param source The file's name, for the message.
 * @throws {RepvggError} `E_CHECKPOINT`: other inputs or outputs, or other channels.
 */
export function onnxSignature(
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
  channels: number,
  source: string,
): OnnxSignature {
  const fail = (why: string): never => {
    throw new RepvggError("E_CHECKPOINT", `${source} is no image classifier that can be run here: ${why}.`);
  };
  const [input, ...more] = inputs;
  if (input === undefined || more.length > 0) {
    return fail(`it has ${inputs.length} inputs (${inputs.map(({ name }) => name).join(", ")}), not one`);
  }
  const [output] = outputs;
  if (output === undefined) return fail("it has no output");
  const [images, logits] = [tensorShape(input, "input", 4, fail), tensorShape(output, "output", 2, fail)];
  const layout = layoutOf(images, channels, input.name, fail);
  const [batch, height, width] = layout === "NCHW" ? [images[0], images[2], images[3]] : images;
  const answered = logits[0];
  if (batch !== undefined && answered !== undefined && batch !== answered) {
    return fail(`for a batch of ${batch} images it gives ${answered} answers`);
  }
  return {
    input: input.name,
    layout,
    output: output.name,
    ...(batch !== undefined && { batch }),
    ...(height !== undefined && { height }),
    ...(width !== undefined && { width }),
  };
}

type Fail = (why: string) => never;
type Lengths = readonly (number | undefined)[];

function tensorShape(value: OnnxValue, what: string, rank: number, fail: Fail): Lengths {
  if (!value.isTensor) return fail(`its ${what} "${value.name}" is no tensor`);
  const { name, type, shape } = value;
  if (type !== "float32") return fail(`its ${what} "${name}" is ${type}, not float32`);
  const axes = rank === 4 ? "[N, C, H, W] or [N, H, W, C]" : "[N, classes]";
  if (shape.length === 0 && what === "output") return []; // Not told, as behind a Reshape: seen when it runs.
  if (shape.length !== rank) return fail(`its ${what} "${name}" is [${shape.join(", ")}], not ${axes}`);
  return shape.map((length) => (typeof length === "number" && length > 0 ? length : undefined));
}

function layoutOf([, second, , fourth]: Lengths, channels: number, name: string, fail: Fail): OnnxSignature["layout"] {
  if (second === channels) return "NCHW";
  if (fourth === channels) return "NHWC";
  if (second === undefined) return "NCHW";
  return fail(`the images have ${channels} channels, and its input "${name}" takes others`);
}
