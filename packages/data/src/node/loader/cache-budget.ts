import { tidyCache } from "./cache-folder.ts";
import type { CachedImage, ReaderOptions, TaskResult } from "./task.ts";

/** Of a folder's limit: after so much was written to it, it is looked at what others have written meanwhile. */
const SHARE_BETWEEN_LOOKS = 1 / 16;

/**
 * What the cache holds, and whether it may hold more. A full one keeps what it has: with every image asked for once an epoch,
 * to throw one out for another gains nothing. A folder has one limit for all who write to it; what nobody uses makes room.
 */
export class CacheBudget {
  readonly #kind: ReaderOptions["cache"];
  readonly #limit: number;
  readonly #folder: string;
  readonly #images = new Map<number, CachedImage>();
  readonly #expected: number;
  readonly #startMs = Date.now();
  #bytes = 0;
  /** Since the folder was looked at. */
  #written = 0;
  #reserved = 0;
  #isBroken = false;

  /**
   * @param limit In bytes.
   * @param expected How large an image will be: room for it is kept while it is decoded.
   */
  constructor(kind: ReaderOptions["cache"], limit: number, folder: string, expected: number) {
    this.#kind = kind;
    this.#limit = limit;
    this.#folder = folder;
    this.#expected = expected;
    if (kind === "disk") this.#look();
  }

  /** Keeps room for an image, until {@link release}. @returns false: there is none. */
  reserve(): boolean {
    if (this.#kind === "none" || this.#isBroken) return false;
    const isOld = this.#kind === "disk" && this.#written > 0;
    if (isOld && (!this.#fits() || this.#written > this.#limit * SHARE_BETWEEN_LOOKS)) this.#look();
    if (!this.#fits()) return false;
    this.#reserved += this.#expected;
    return true;
  }

  release(): void {
    this.#reserved -= this.#expected;
  }

  get(index: number): CachedImage | undefined {
    return this.#images.get(index);
  }

  /** @returns What to tell of: the cache cannot be written, and takes no more. Once. */
  took(index: number, { fresh, storedBytes, storeFault }: TaskResult): string | undefined {
    this.#bytes += storedBytes;
    this.#written += storedBytes;
    if (storeFault && !this.#isBroken) {
      this.#isBroken = true;
      return `The cache takes no more images: ${storeFault}. They are decoded anew in each epoch.`;
    }
    if (!fresh) return;
    const before = this.#images.get(index)?.data.length ?? 0;
    if (this.#bytes - before + fresh.data.length > this.#limit) return;
    this.#images.set(index, fresh);
    this.#bytes += fresh.data.length - before;
  }

  #fits(): boolean {
    return this.#bytes + this.#reserved + this.#expected <= this.#limit;
  }

  #look(): void {
    const room = this.#reserved + Math.max(this.#expected, this.#limit * SHARE_BETWEEN_LOOKS);
    this.#bytes = tidyCache(this.#folder, { limit: this.#limit, room, sinceMs: this.#startMs });
    this.#written = 0;
  }
}
