import { squeezePrefix } from "@repvgg/core";
import { type Emitter, emitLinear } from "./convolution.ts";
import { emitLinearBackward } from "./gradients.ts";
import { bytesOf, PANEL } from "./layouts.ts";
import type { BlockBuffers } from "./network-buffers.ts";
import { type PlacedNetwork, slotOf } from "./placed-network.ts";

const namesOf = ({ plan }: PlacedNetwork, { block }: BlockBuffers) => {
  const prefix = `${block.name}.${squeezePrefix(plan.spec)}`;
  return { down: `${prefix}.down`, up: `${prefix}.up` };
};

/**
 * The squeeze-and-excitation of a block, if it has one: y = ReLU(x) · sigmoid(up(ReLU(down(mean(x))))).
 *
 * The same for both places that it can have: after a ReLU, x is not negative; before one, scales are positive, so that
 * ReLU(x · scale) = ReLU(x) · scale.
 *
 * @see Hu et al. 2018. https://arxiv.org/abs/1709.01507
 */
export function emitSqueeze(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers): void {
  const { sum, output, squeeze } = buffers;
  if (!squeeze) return;
  const { program } = emitter;
  const { batch } = network;
  const { height, width, channels } = output;
  const names = namesOf(network, buffers);
  const parameters = (name: string) => ({
    weights: slotOf(network, `${name}.weight`).address,
    bias: slotOf(network, `${name}.bias`).address,
  });
  program.add("averagePool", (batch * channels) / PANEL, {
    input: sum.origin,
    imageBytes: sum.imageBytes,
    rowBytes: sum.rowBytes,
    height,
    width,
    channels,
    output: squeeze.pooled,
  });
  emitLinear(emitter, {
    ...parameters(names.down),
    input: squeeze.pooled,
    output: squeeze.hidden,
    rows: batch,
    from: channels,
    to: squeeze.hiddenChannels,
    relu: true,
  });
  emitLinear(emitter, {
    ...parameters(names.up),
    input: squeeze.hidden,
    output: squeeze.excited,
    rows: batch,
    from: squeeze.hiddenChannels,
    to: channels,
  });
  program.add("sigmoid", (batch * channels) / PANEL, { x: squeeze.excited, y: squeeze.scale });
  program.add("gate", batch * height, {
    x: sum.origin,
    xImageBytes: sum.imageBytes,
    xRowBytes: sum.rowBytes,
    scale: squeeze.scale,
    y: output.origin,
    imageBytes: output.imageBytes,
    rowBytes: output.rowBytes,
    height,
    width,
    channels,
  });
}

/** Gradients of a squeeze-and-excitation's parameters; turns the dense gradient `dy` of its output into that of its input. */
export function emitSqueezeBackward(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers, dy: number): void {
  const { sum, squeeze } = buffers;
  if (!squeeze) return;
  const { memory, program } = emitter;
  const { batch } = network;
  const { origin: x, imageBytes, rowBytes, height, width, channels } = sum;
  const { scale, hiddenChannels } = squeeze;
  const names = namesOf(network, buffers);
  const common = { dy, x, imageBytes, rowBytes, scale, height, width, channels };
  const [excited, hidden, pooled] = [
    memory.shared("excited gradient", bytesOf([batch, channels])),
    memory.shared("hidden gradient", bytesOf([batch, hiddenChannels])),
    memory.shared("pooled gradient", bytesOf([batch, channels])),
  ];
  program.add("gateScaleGradient", (batch * channels) / PANEL, { ...common, output: excited });
  emitLinearBackward(emitter, network, {
    name: names.up,
    input: squeeze.hidden,
    from: hiddenChannels,
    gradient: excited,
    to: channels,
    inputGradient: hidden,
  });
  program.add("reluGradient", (batch * hiddenChannels) / PANEL, { gradient: hidden, y: squeeze.hidden });
  emitLinearBackward(emitter, network, {
    name: names.down,
    input: squeeze.pooled,
    from: channels,
    gradient: hidden,
    to: hiddenChannels,
    inputGradient: pooled,
  });
  program.add("gateInputGradient", batch * height, { ...common, pooled });
}
