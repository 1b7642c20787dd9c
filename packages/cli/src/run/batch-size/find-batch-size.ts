import { RepvggError } from "@repvgg/core";

/** What some real steps tell of a batch size. */
export interface ProbedBatch {
  readonly imagesPerSecond: number;
  /** The most that the process held. */
  readonly peakMemoryBytes: number;
  readonly batchesPerEpoch: number;
}

export interface FoundBatch {
  readonly batchSize: number;
  /** Why not the next larger one, for people. */
  readonly reason: string;
}

interface Search {
  /** Takes real steps. @throws {RepvggError} `E_MEMORY`: they do not fit. */
  probe(batchSize: number): Promise<ProbedBatch>;
  /** What processes may still take of the machine's memory. */
  readonly availableBytes: number;
}

const FIRST = 8;
/** Up to here a larger batch is wanted for itself: statistics of more images, and the default. */
const WANTED = 128;
/** Beyond, it must be that much faster. */
const WORTHWHILE = 1.05;
const LARGEST = 4096;
/** Fewer batches in an epoch would hardly train. */
const FEWEST_BATCHES = 4;
/** The rest is left to other processes. */
const SHARE_OF_MEMORY = 0.8;

/**
 * The largest power of two that fits into the memory and is worthwhile: up to 128 any, beyond what is 5 % faster than its half.
 *
 * Doubles from 8. A batch whose memory, by what the ones before it took, is more than there is, is not tried: a machine that runs out
 * of its memory ends other processes.
 *
 * @throws {RepvggError} `E_MEMORY`: not even one image fits; what `probe` throws at 8 images.
 */
export async function findBatchSize({ probe, availableBytes }: Search): Promise<FoundBatch> {
  const budget = SHARE_OF_MEMORY * availableBytes;
  let best = await probed(FIRST, probe);
  if (best === undefined) return fewerThan(FIRST, probe);
  let before: (ProbedBatch & { batchSize: number }) | undefined;
  for (;;) {
    const { batchSize } = best;
    const next = batchSize * 2;
    const found = (reason: string): FoundBatch => ({ batchSize, reason });
    if (next > LARGEST) return found(`more than ${LARGEST} are not tried`);
    if (best.batchesPerEpoch < 2 * FEWEST_BATCHES) {
      return found(`${next} would leave fewer than ${FEWEST_BATCHES} batches an epoch`);
    }
    const needed =
      best.peakMemoryBytes +
      ((best.peakMemoryBytes - (before?.peakMemoryBytes ?? 0)) * batchSize) / (batchSize - (before?.batchSize ?? 0));
    if (needed > budget) {
      return found(`${next} would need about ${gibibytes(needed)}, and ${gibibytes(budget)} of the memory can be used`);
    }
    const larger = await probed(next, probe);
    if (larger === undefined) return found(`${next} do not fit into the memory`);
    const gain = larger.imagesPerSecond / best.imagesPerSecond;
    if (next > WANTED && gain < WORTHWHILE) {
      return found(`${next} are ${gain < 1 ? "slower" : `only ${Math.round(100 * (gain - 1))} % faster`}`);
    }
    [before, best] = [best, larger];
  }
}

const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** Undefined where it does not fit. */
async function probed(batchSize: number, probe: Search["probe"]) {
  try {
    return { ...(await probe(batchSize)), batchSize };
  } catch (error) {
    if ((error as RepvggError).code === "E_MEMORY") return undefined;
    throw error;
  }
}

async function fewerThan(tooLarge: number, probe: Search["probe"]): Promise<FoundBatch> {
  for (let batchSize = tooLarge / 2; batchSize >= 1; batchSize /= 2) {
    if (await probed(batchSize, probe)) return { batchSize, reason: `${2 * batchSize} do not fit into the memory` };
  }
  throw new RepvggError(
    "E_MEMORY",
    "Not even a batch of 1 fits into the memory: use smaller images or a smaller network.",
  );
}
