export { encodePng, pngDataUri } from "./png.ts";
export type { EventFacts, SummaryValue } from "./tensorboard/event.ts";
export { EventWriter } from "./tensorboard/event-writer.ts";
export { readScalars, type ScalarPoint } from "./tensorboard/read-scalars.ts";
export { trimEventFiles } from "./tensorboard/trim-event-files.ts";
