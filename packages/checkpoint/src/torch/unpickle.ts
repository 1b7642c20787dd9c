import type { Fail } from "../byte-source.ts";
import { describe, PyDict, PyGlobal, PyTuple, type PyValue } from "./py-values.ts";

/** What the machine asks when a pickle wants something made. */
export interface PickleHost {
  /** Something that lies outside the pickle: a storage. */
  persistent(id: PyValue): PyValue;
  /** The result of a call. */
  call(target: PyValue, args: readonly PyValue[]): PyValue;
}

/** Far above any checkpoint, and low enough that no file takes gigabytes or minutes. */
const LIMITS = { operations: 20_000_000, objects: 2_000_000, depth: 10_000, digits: 4_000 };

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const NEWLINE = 0x0a;

/**
 * Reads one pickle of protocol 0 to 5. Nothing is executed or imported: what a pickle wants to call goes to the host by name.
 *
 * @param bytes Borrowed; `bytes` values are views into it.
 * @param start Where the pickle begins.
 * @returns The value, and where the pickle ends.
 * @throws by `fail`: it is cut short, contradicts itself, or exceeds the limits.
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  host: PickleHost,
  fail: Fail,
): { value: PyValue; end: number } {
  return new Machine(bytes, start, host, fail).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #host: PickleHost;
  readonly #fail: Fail;
  #at: number;
  #stack: PyValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PyValue>();
  #objects = 0;

  constructor(bytes: Uint8Array, start: number, host: PickleHost, fail: Fail) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#host = host;
    this.#fail = (why, cause) => fail(`is damaged: its pickle ${why} (byte ${this.#at}).`, cause);
    this.#at = start;
  }

  run(): { value: PyValue; end: number } {
    for (let operations = 0; operations < LIMITS.operations; operations++) {
      const code = this.#u8();
      if (code === 0x2e) return { value: this.#pop(), end: this.#at }; // STOP
      this.#step(code);
    }
    return this.#fail(`has more than ${LIMITS.operations} operations`);
  }

  #step(code: number): void {
    const atom = this.#atom(code);
    if (atom !== undefined) {
      this.#push(atom);
      return;
    }
    const made = this.#make(code);
    if (made === undefined) {
      this.#act(code);
      return;
    }
    this.#count(1);
    this.#push(made);
  }

  /** Constants, numbers, text, bytes; undefined for other operations. */
  #atom(code: number): PyValue | undefined {
    switch (code) {
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
        return true;
      case 0x89: // NEWFALSE
        return false;
      case 0x49: // INT
        return this.#intLine();
      case 0x4c: // LONG
        return this.#whole(this.#line().replace(/L$/, ""));
      case 0x4a: // BININT
        return this.#u32() | 0;
      case 0x4b: // BININT1
        return this.#u8();
      case 0x4d: // BININT2
        return this.#u16();
      case 0x8a: // LONG1
        return this.#longOf(this.#u8());
      case 0x8b: // LONG4
        return this.#longOf(this.#u32());
      case 0x46: // FLOAT
        return this.#floatLine();
      case 0x47: // BINFLOAT
        return this.#view.getFloat64(this.#skip(8), false);
      case 0x53: // STRING
        return this.#quoted();
      case 0x56: // UNICODE
        return this.#unescaped();
      case 0x55: // SHORT_BINSTRING
      case 0x8c: // SHORT_BINUNICODE
        return this.#text(this.#u8());
      case 0x54: // BINSTRING
      case 0x58: // BINUNICODE
        return this.#text(this.#u32());
      case 0x8d: // BINUNICODE8
        return this.#text(this.#u64());
      case 0x43: // SHORT_BINBYTES
        return this.#raw(this.#u8());
      case 0x42: // BINBYTES
        return this.#raw(this.#u32());
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#raw(this.#u64());
      default:
        return undefined;
    }
  }

  /** Tuples, lists, sets, dicts, names, calls, what lies outside; undefined for other operations. */
  #make(code: number): PyValue | undefined {
    switch (code) {
      case 0x29: // EMPTY_TUPLE
        return new PyTuple([]);
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return new PyTuple(Array.from({ length: code - 0x84 }, () => this.#pop()).reverse());
      case 0x74: // TUPLE
        return new PyTuple(this.#sinceMark());
      case 0x5d: // EMPTY_LIST
      case 0x8f: // EMPTY_SET
        return [];
      case 0x6c: // LIST
      case 0x91: // FROZENSET
        return this.#sinceMark();
      case 0x7d: // EMPTY_DICT
        return new PyDict();
      case 0x64: // DICT
        return this.#setItems(new PyDict(), this.#sinceMark());
      case 0x63: // GLOBAL
        return new PyGlobal(`${this.#line()}.${this.#line()}`);
      case 0x93: // STACK_GLOBAL
        return this.#stackGlobal();
      case 0x82: // EXT1
        return new PyGlobal(`copyreg.extension(${this.#u8()})`);
      case 0x83: // EXT2
        return new PyGlobal(`copyreg.extension(${this.#u16()})`);
      case 0x84: // EXT4
        return new PyGlobal(`copyreg.extension(${this.#u32()})`);
      case 0x92: // NEWOBJ_EX
        this.#pop(); // keyword arguments
        return this.#call();
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.#call();
      case 0x69: // INST
        return this.#host.call(new PyGlobal(`${this.#line()}.${this.#line()}`), this.#sinceMark());
      case 0x6f: // OBJ
        return this.#callMarked();
      case 0x50: // PERSID
        return this.#host.persistent(this.#line());
      case 0x51: // BINPERSID
        return this.#host.persistent(this.#pop());
      default:
        return undefined;
    }
  }

  /** Stack and memo; items put into what lies on the stack. */
  #act(code: number): void {
    switch (code) {
      case 0x28: // MARK
        if (this.#marks.length >= LIMITS.depth) this.#fail(`nests more than ${LIMITS.depth} levels`);
        this.#marks.push(this.#stack.length);
        break;
      case 0x30: // POP; of a mark when nothing lies above it
        if (this.#stack.length === this.#marks.at(-1)) this.#marks.pop();
        else this.#pop();
        break;
      case 0x31: // POP_MARK
        this.#sinceMark();
        break;
      case 0x32: // DUP
        this.#push(this.#top());
        break;
      case 0x67: // GET
        this.#get(this.#decimal());
        break;
      case 0x68: // BINGET
        this.#get(this.#u8());
        break;
      case 0x6a: // LONG_BINGET
        this.#get(this.#u32());
        break;
      case 0x70: // PUT
        this.#put(this.#decimal());
        break;
      case 0x71: // BINPUT
        this.#put(this.#u8());
        break;
      case 0x72: // LONG_BINPUT
        this.#put(this.#u32());
        break;
      case 0x94: // MEMOIZE
        this.#put(this.#memo.size);
        break;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        break;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        this.#append(this.#sinceMark());
        break;
      case 0x73: // SETITEM
        this.#setOnTop([this.#pop(), this.#pop()].reverse());
        break;
      case 0x75: // SETITEMS
        this.#setOnTop(this.#sinceMark());
        break;
      case 0x62: // BUILD: attributes, which nothing that we read needs
        this.#pop();
        this.#top();
        break;
      case 0x95: // FRAME: a hint how much to read at once
        this.#skip(8);
        break;
      case 0x80: // PROTO
        this.#protocol(this.#u8());
        break;
      default:
        this.#fail(`has the operation 0x${code.toString(16).padStart(2, "0")}, which is not one that is read`);
    }
  }

  #protocol(protocol: number): void {
    if (protocol > 5) this.#fail(`has the protocol ${protocol}; 0 to 5 are read`);
  }

  #stackGlobal(): PyGlobal {
    const name = this.#pop();
    const module = this.#pop();
    if (typeof name !== "string" || typeof module !== "string") this.#fail("has a name that is no text");
    return new PyGlobal(`${module}.${name}`);
  }

  #call(): PyValue {
    const args = this.#pop();
    if (args instanceof PyTuple) return this.#host.call(this.#pop(), args.items);
    return this.#fail(`calls something with ${describe(args)} as arguments`);
  }

  #callMarked(): PyValue {
    const [target, ...args] = this.#sinceMark();
    return target === undefined ? this.#fail("makes an object of no class") : this.#host.call(target, args);
  }

  #push(value: PyValue): void {
    if (this.#stack.length >= LIMITS.objects) this.#fail(`holds more than ${LIMITS.objects} values at once`);
    this.#stack.push(value);
  }

  #count(objects: number): void {
    this.#objects += objects;
    if (this.#objects > LIMITS.objects) this.#fail(`makes more than ${LIMITS.objects} objects`);
  }

  #pop(): PyValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #top(): PyValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.#fail("takes a value from an empty stack");
    return this.#stack.at(-1)!;
  }

  #sinceMark(): PyValue[] {
    const from = this.#marks.pop() ?? this.#fail("goes back to a mark that it has not set");
    return this.#stack.splice(from);
  }

  /** Items of things that we do not know are dropped with them. */
  #append(items: readonly PyValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) return;
    this.#count(items.length);
    for (const item of items) list.push(item);
  }

  #setOnTop(items: readonly PyValue[]): void {
    const dict = this.#top();
    if (dict instanceof PyDict) this.#setItems(dict, items);
  }

  #setItems(dict: PyDict, items: readonly PyValue[]): PyDict {
    if (items.length % 2 !== 0) this.#fail("has a key without a value");
    this.#count(items.length / 2);
    for (let i = 0; i < items.length; i += 2) dict.pairs.push([items[i]!, items[i + 1]!]);
    return dict;
  }

  #get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) this.#fail(`recalls the value ${index}, which it has not stored`);
    this.#push(value!);
  }

  #put(index: number): void {
    this.#count(1);
    this.#memo.set(index, this.#top());
  }

  /** Moves on, and gives the position before. */
  #skip(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) this.#fail("is cut short");
    this.#at = from + length;
    return from;
  }

  #u8(): number {
    return this.#bytes[this.#skip(1)]!;
  }

  #u16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  #u32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  #u64(): number {
    const from = this.#skip(8);
    return this.#view.getUint32(from + 4, true) * 2 ** 32 + this.#view.getUint32(from, true);
  }

  #raw(length: number): Uint8Array {
    const from = this.#skip(length);
    this.#count(1);
    return this.#bytes.subarray(from, this.#at);
  }

  #text(length: number): string {
    const from = this.#skip(length);
    return utf8.decode(this.#bytes.subarray(from, this.#at));
  }

  #line(): string {
    const end = this.#bytes.indexOf(NEWLINE, this.#at);
    if (end === -1) this.#fail("is cut short");
    const line = this.#text(end - this.#at);
    this.#at++;
    return line;
  }

  #decimal(): number {
    const line = this.#line();
    return /^\d{1,15}$/.test(line) ? Number(line) : this.#fail("has a position that is no number");
  }

  #intLine(): PyValue {
    const line = this.#line();
    return line === "01" ? true : line === "00" ? false : this.#whole(line);
  }

  #whole(digits: string): number | bigint {
    if (digits.length > LIMITS.digits || !/^[+-]?\d+$/.test(digits))
      return this.#fail("has a whole number that is none");
    return plain(BigInt(digits.replace(/^\+/, "")));
  }

  #floatLine(): number {
    const line = this.#line().trim();
    const special = { inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY, nan: Number.NaN }[line];
    if (special !== undefined) return special;
    const value = Number(line);
    return line === "" || Number.isNaN(value) ? this.#fail("has a number that is none") : value;
  }

  /** Protocol 0's text. */
  #unescaped(): string {
    return this.#line().replace(/\\u([0-9a-f]{4})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  }

  /** Two's complement, little-endian. */
  #longOf(length: number): number | bigint {
    if (length > LIMITS.digits / 2) this.#fail(`has a whole number of ${length} bytes`);
    const from = this.#skip(length);
    if (length === 0) return 0;
    let hex = "";
    for (let i = this.#at - 1; i >= from; i--) hex += this.#bytes[i]!.toString(16).padStart(2, "0");
    return plain(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
  }

  /** Python 2's `repr` of a string. */
  #quoted(): string {
    const [, quote, text] = /^(["'])(.*)\1$/s.exec(this.#line().trim()) ?? [];
    if (quote === undefined) this.#fail("has a string without quotes");
    const named: Record<string, string> = { n: "\n", r: "\r", t: "\t" };
    return text!.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex?: string, char?: string) =>
      hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (named[char!] ?? char!),
    );
  }
}

const plain = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};
