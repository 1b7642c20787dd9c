/**
 * A list whose elements are made when they are first read, each once.
 *
 * @param make Gives element `index`; called at most once for each.
 */
export function lazyList<T>(length: number, make: (index: number) => T): readonly T[] {
  const list = new Array<T>(length);
  for (let index = 0; index < length; index++) {
    Object.defineProperty(list, index, {
      configurable: true,
      enumerable: true,
      get() {
        const value = make(index);
        Object.defineProperty(list, index, { configurable: true, enumerable: true, value });
        return value;
      },
    });
  }
  return list;
}
