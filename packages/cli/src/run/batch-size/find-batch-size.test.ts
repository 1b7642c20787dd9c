import { RepvggError } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { findBatchSize, type ProbedBatch } from "./find-batch-size.ts";

/** A machine, in numbers. */
interface Machine {
  /** Largest batch that its device holds. @default any */
  readonly holds?: number;
  /** Images per second at a batch size. */
  readonly speed?: (batchSize: number) => number;
  readonly images?: number;
  readonly bytesPerImage?: number;
  readonly availableBytes?: number;
}

const PROCESS_BYTES = 200e6;

/** What is found, and what was tried for it. */
async function find(machine: Machine) {
  const { holds = Infinity, speed = (n) => n / (n + 100), images = 1e6, bytesPerImage = 1e6 } = machine;
  const tried: number[] = [];
  const probe = async (batchSize: number): Promise<ProbedBatch> => {
    tried.push(batchSize);
    if (batchSize > holds) throw new RepvggError("E_MEMORY", "too large");
    return {
      imagesPerSecond: speed(batchSize),
      peakMemoryBytes: PROCESS_BYTES + batchSize * bytesPerImage,
      batchesPerEpoch: Math.floor(images / batchSize),
    };
  };
  return { ...(await findBatchSize({ probe, availableBytes: machine.availableBytes ?? 64e9 })), tried };
}

describe("the batch size", () => {
  it("doubles while the device holds it", async () => {
    expect(await find({ holds: 50 })).toEqual({
      batchSize: 32,
      reason: "64 do not fit into the memory",
      tried: [8, 16, 32, 64],
    });
  });

  it("halves where eight do not fit", async () => {
    expect(await find({ holds: 3 })).toMatchObject({ batchSize: 2, tried: [8, 4, 2] });
  });

  it("is an error where not even one fits", async () => {
    await expect(find({ holds: 0 })).rejects.toMatchObject({ code: "E_MEMORY" });
  });

  it("is up to 128 whatever the speed, beyond only what is faster", async () => {
    expect(await find({ speed: () => 100 })).toMatchObject({ batchSize: 128, reason: "256 are only 0 % faster" });
    expect(await find({ speed: (n) => 1000 - n })).toMatchObject({ batchSize: 128, reason: "256 are slower" });
    expect(await find({ speed: (n) => Math.min(n, 512) })).toMatchObject({ batchSize: 512 });
    expect(await find({ speed: (n) => n })).toMatchObject({ batchSize: 4096 });
  });

  it("does not try what would take more than four fifths of the free memory", async () => {
    // 200 MB and 100 MB an image: 64 take 6.6 GB, of 8
    const { batchSize, reason, tried } = await find({ bytesPerImage: 100e6, availableBytes: 8e9 });
    expect({ batchSize, tried }).toEqual({ batchSize: 32, tried: [8, 16, 32] });
    expect(reason).toBe("64 would need about 6.1 GiB, and 6.0 GiB of the memory can be used");
  });

  it("leaves an epoch four batches", async () => {
    expect(await find({ images: 130 })).toMatchObject({
      batchSize: 32,
      reason: "64 would leave fewer than 4 batches an epoch",
      tried: [8, 16, 32],
    });
  });

  it("gives other errors as they are", async () => {
    const probe = () => Promise.reject(new RepvggError("E_DATA", "no such folder"));
    await expect(findBatchSize({ probe, availableBytes: 1e9 })).rejects.toMatchObject({ code: "E_DATA" });
  });
});
