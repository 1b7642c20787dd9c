import { describe, expect, it } from "vitest";
import { lazyList } from "./lazy-list.ts";

describe("lazyList", () => {
  it("makes an element when it is read, once, and no other", () => {
    const made: number[] = [];
    const list = lazyList(4, (index) => {
      made.push(index);
      return { index };
    });
    expect(list.length).toBe(4);
    expect(made).toEqual([]);
    expect(list[2]).toBe(list[2]);
    expect(made).toEqual([2]);
    expect(list.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect([...made].sort()).toEqual([0, 1, 2, 3]);
  });
});
