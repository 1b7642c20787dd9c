export { type StopRequest, stopOnSignals } from "./stop-on-signals.ts";
