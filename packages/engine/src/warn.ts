/** Tells the user of something that went on otherwise than asked for: Node's warnings, or the console. */
export function warn(message: string): void {
  const node = globalThis.process as NodeJS.Process | undefined;
  if (node?.emitWarning) node.emitWarning(message, { type: "RepvggWarning" });
  else globalThis.console.warn(message);
}
