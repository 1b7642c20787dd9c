import { describe, expect, it } from "vitest";
import { murmurHash } from "./murmur-hash.ts";

const words = (text: string) => new Uint32Array(new TextEncoder().encode(text).buffer);

describe("murmurHash", () => {
  // By the reference implementation, MurmurHash3_x86_32.
  it.each<[Uint32Array, number, number]>([
    [new Uint32Array(0), 0, 0],
    [new Uint32Array(0), 1, 0x514e28b7],
    [new Uint32Array(0), 0xffffffff, 0x81f16f39],
    [Uint32Array.of(0xffffffff), 0, 0x76293b50],
    [Uint32Array.of(0x87654321), 0, 0xf55b516b],
    [Uint32Array.of(0x87654321), 0x5082edee, 0x2362f9de],
    [Uint32Array.of(0), 0, 0x2362f9de],
    [words("aaaa"), 0x9747b28c, 0x5a97808a],
    [words("abcd"), 0x9747b28c, 0xf0478627],
  ])("of %j with seed %d", (data, seed, expected) => expect(murmurHash(data, seed)).toBe(expected));
});
