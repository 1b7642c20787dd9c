/** The formats that the meters need: a fixed-point or exponent number, as Python writes it. */
export type NumberFormat = `:${number | ""}.${number}${"f" | "e"}`;

const FORMAT = /^:(\d*)\.(\d+)([fe])$/;
/** More digits than a double's 17 significant ones, so zeros here mean that there is nothing more. */
const EXTRA_DIGITS = 30;

/**
 * A number as Python's `"{:6.3f}".format(value)` gives it: ties to even, exponents of at least two digits, `nan` and `inf`.
 *
 * @throws {RangeError} The format is none of `:[width].[digits]f` and `:[width].[digits]e`.
 */
export function pythonFormat(value: number, format: NumberFormat): string {
  const match = FORMAT.exec(format);
  if (match === null) {
    throw new RangeError(`The number format "${format}" is not understood; write it like ":6.3f" or ":.4e".`);
  }
  const digits = Number(match[2]);
  if (digits > 60) throw new RangeError(`The number format "${format}" asks for more than 60 digits.`);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  return (sign + magnitude(Math.abs(value), digits, match[3] === "e")).padStart(Number(match[1]));
}

function magnitude(value: number, digits: number, exponential: boolean): string {
  if (Number.isNaN(value)) return "nan";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (exponential) {
    const [mantissa, exponent] = value.toExponential(digits + EXTRA_DIGITS).split("e") as [string, string];
    const rounded = isTieToEven(mantissa, digits)
      ? cut(mantissa, digits) + `e${exponent}`
      : value.toExponential(digits);
    return rounded.replace(/e([+-])(\d)$/, "e$10$2");
  }
  // toFixed leaves fixed point from 1e21 on; such doubles are whole numbers.
  if (value >= 1e21) return BigInt(value).toString() + (digits > 0 ? `.${"0".repeat(digits)}` : "");
  const long = value.toFixed(digits + EXTRA_DIGITS);
  return isTieToEven(long, digits) ? cut(long, digits) : value.toFixed(digits);
}

/** Whether a long decimal lies exactly between two neighbours and the lower one is even: JavaScript rounds those up. */
function isTieToEven(long: string, digits: number): boolean {
  const point = long.indexOf(".");
  const rest = long.slice(point + 1 + digits);
  if (!/^50*$/.test(rest)) return false;
  const last = digits > 0 ? long[point + digits]! : long[point - 1]!;
  return Number(last) % 2 === 0;
}

function cut(long: string, digits: number): string {
  const point = long.indexOf(".");
  return long.slice(0, digits > 0 ? point + 1 + digits : point);
}
