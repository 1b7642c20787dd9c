import type { Network, RepVggSpec } from "@repvgg/core";

/** What gives logits of images: a {@link Network}, or a classifier of any other kind. */
export interface Classifier extends Pick<Network, "predict"> {
  readonly spec: Pick<RepVggSpec, "inputChannels" | "numClasses">;
}
