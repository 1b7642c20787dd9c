/**
 * Lets timers, input and signals in: a loop of synchronous steps would never see Ctrl-C otherwise. Promises alone do not
 * do that, they run before any of these.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0); // browsers
  });
}
