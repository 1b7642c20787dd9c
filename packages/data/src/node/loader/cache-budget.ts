import { tidyCache } from "./disk-cache.ts";
import type { CachedImage, ReaderOptions, TaskResult } from "./task.ts";

/**
 * What the cache holds, and whether it may hold more. A full one keeps what it has: with every image asked for once an epoch,
 * to throw one out for another gains nothing.
 */
export class CacheBudget {
  readonly #kind: ReaderOptions["cache"];
  readonly #limit: number;
  readonly #images = new Map<number, CachedImage>();
  readonly #expected: number;
  #bytes: number;
  #reserved = 0;
  #isBroken = false;

  /**
   * @param limit In bytes.
   * @param expected How large an image will be: room for it is kept while it is decoded.
   */
  constructor(kind: ReaderOptions["cache"], limit: number, folder: string, expected: number) {
    this.#kind = kind;
    this.#limit = limit;
    this.#expected = expected;
    this.#bytes = kind === "disk" ? tidyCache(folder) : 0;
  }

  /** Keeps room for an image, until {@link release}. @returns false: there is none. */
  reserve(): boolean {
    if (this.#kind === "none" || this.#isBroken || this.#bytes + this.#reserved + this.#expected > this.#limit)
      return false;
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
}
