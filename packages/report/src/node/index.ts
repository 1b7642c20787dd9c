export { encodePng, pngDataUri } from "./png.ts";
