/** Node's own modules, or undefined elsewhere. `getBuiltinModule` needs no import that a browser's bundler would trip over. */
export function nodeModule<T>(name: string): T | undefined {
  return (globalThis.process as NodeJS.Process | undefined)?.getBuiltinModule?.(name) as T | undefined;
}
