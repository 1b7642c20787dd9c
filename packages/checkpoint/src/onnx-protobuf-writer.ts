import { type Content, joined } from "./content.ts";

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * One protobuf message, put together field by field; large byte fields are kept, not copied, and may be made only when they are written.
 *
 * @see https://protobuf.dev/programming-guides/encoding
 */
export class ProtobufWriter {
  readonly #chunks: Chunk[] = [];
  #length = 0;

  /** @param value A whole number from 0 to 2^53 − 1: no field that is written here is negative. */
  integer(field: number, value: number): this {
    return this.#tag(field, WIRE.varint).#push(varint(value));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#tag(field, WIRE.fixed32).#push(bytes);
  }

  double(field: number, value: number): this {
    return this.#tag(field, WIRE.fixed64).#push(littleEndian([value]));
  }

  /** A repeated field, packed. */
  doubles(field: number, values: readonly number[]): this {
    return this.bytes(field, littleEndian(values));
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#tag(field, WIRE.bytes).#push(varint(value.length)).#push(value);
  }

  /** @param read Gives the `length` bytes of the field, borrowed until another is read. */
  bytesLater(field: number, length: number, read: () => Uint8Array): this {
    return this.#tag(field, WIRE.bytes).#push(varint(length)).#push({ length, read });
  }

  message(field: number, value: ProtobufWriter): this {
    this.#tag(field, WIRE.bytes).#push(varint(value.#length));
    for (const chunk of value.#chunks) this.#push(chunk);
    return this;
  }

  /** The whole message. */
  finish(): Uint8Array {
    return joined(this.content());
  }

  /** The whole message, piece by piece. */
  content(): Content {
    const chunks = this.#chunks;
    return {
      size: this.#length,
      *chunks() {
        for (const chunk of chunks) yield chunk instanceof Uint8Array ? chunk : chunk.read();
      },
    };
  }

  #tag(field: number, wire: number): this {
    return this.#push(varint(field * 8 + wire));
  }

  #push(chunk: Chunk): this {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return this;
  }
}

type Chunk = Uint8Array | { readonly length: number; read(): Uint8Array };

function littleEndian(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  values.forEach((value, i) => {
    view.setFloat64(8 * i, value, true);
  });
  return new Uint8Array(view.buffer);
}

/** Seven bits a byte, the lowest first; the highest bit says that more follow. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  while (value >= 128) {
    bytes.push((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  return Uint8Array.of(...bytes, value);
}
