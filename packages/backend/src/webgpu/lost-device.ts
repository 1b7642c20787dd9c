import { RepvggError } from "@repvgg/core";

/** What is used of tfjs's WebGPU backend. */
export interface WebGpuBackend {
  readonly device: {
    readonly limits: Readonly<Record<string, number>>;
    /** Resolves when the device is gone for good: its driver was reset, it was taken away, or somebody destroyed it. */
    readonly lost: Promise<{ readonly reason?: string; readonly message: string }>;
    destroy(): void;
  };
}

/**
 * The error of a WebGPU device that is lost; undefined while it is there. What fails on a lost device has no words of its own.
 *
 * @param backend tfjs's, on which something failed.
 */
export async function lostDevice({ device }: WebGpuBackend): Promise<RepvggError | undefined> {
  const turn = new Promise<undefined>((resolve) => setTimeout(resolve)); // the failure may come just before the news
  const lost = await Promise.race([device.lost, turn]);
  if (!lost) return undefined;
  const why = [lost.reason, lost.message].filter(Boolean).join(": ") || "no reason is given";
  return new RepvggError(
    "E_DEVICE",
    `The WebGPU device was lost (${why.replace(/\.$/, "")}): its driver was reset, or it was taken away. All that was on it is gone. ` +
      "Start the program again; a training goes on from its last checkpoint by `repvgg train --resume RUN`, with --device NAME on another device.",
  );
}
