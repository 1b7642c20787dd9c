/** Second bytes of JPEG's markers; the first is 0xff. @see ITU-T T.81, table B.1 */
export const SOF0 = 0xc0;
export const SOF1 = 0xc1;
export const SOF2 = 0xc2;
export const DHT = 0xc4;
export const SOF10 = 0xca;
export const RST0 = 0xd0;
export const SOI = 0xd8;
export const EOI = 0xd9;
export const SOS = 0xda;
export const DQT = 0xdb;
/** Says a height that libjpeg ignores. */
export const DNL = 0xdc;
export const DRI = 0xdd;
export const APP0 = 0xe0;
export const APP14 = 0xee;
export const APP15 = 0xef;
export const COM = 0xfe;
export const TEM = 0x01;

/** Of the markers that look like frame headers, those that are none: tables, an extension, conditioning. */
const NO_FRAMES = [DHT, 0xc8, 0xcc];

/** Whether a segment is a frame header, which has the image's size. */
export const isFrameMarker = (marker: number): boolean =>
  marker >= SOF0 && marker < RST0 && !NO_FRAMES.includes(marker);

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === SOI;
