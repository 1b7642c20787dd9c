/**
 * A small typed builder of WebAssembly functions: a kernel is a TypeScript function that is run once, at build time, and its
 * TypeScript loops unroll by being run. What it writes is WebAssembly text, which binaryen parses, checks and optimises.
 *
 * Expressions are plain values (`i32.add(a, 4)`); they are evaluated where they are used. What is used more than once goes into
 * a local (`f.i32(…)`, `f.v128(…)`).
 */
export type ValueType = "i32" | "v128";

/** An expression. */
export interface Value<T extends ValueType> {
  readonly type: T;
  readonly wat: string;
}

export type Int = Value<"i32"> | number;
export type Vector = Value<"v128">;
/** An instruction without a result. */
export type Statement = { readonly type: "statement"; readonly wat: string };

export const VECTOR_BYTES = 16;

/** 0, 1, …, n − 1. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const textOf = (value: Int | Vector) => (typeof value === "number" ? `(i32.const ${value})` : value.wat);

/** A local variable, which is also an expression: its value where it is used. */
export class Local<T extends ValueType> implements Value<T> {
  readonly type: T;
  readonly wat: string;
  readonly #name: string;
  readonly #body: string[];

  constructor(type: T, name: string, body: string[]) {
    this.type = type;
    this.wat = `(local.get $${name})`;
    this.#name = name;
    this.#body = body;
  }

  set(value: T extends "i32" ? Int : Value<T>): void {
    this.#body.push(`(local.set $${this.#name} ${textOf(value as Int | Vector)})`);
  }
}

/** An integer or pointer variable. */
export class IntLocal extends Local<"i32"> {
  add(increment: Int): void {
    this.set(i32.add(this, increment));
  }
}

/** The body of a function under construction. */
export class FunctionBuilder {
  readonly locals: string[] = [];
  readonly body: string[] = [];
  #labels = 0;

  i32(initial: Int): IntLocal {
    const local = new IntLocal("i32", this.#declare("i32"), this.body);
    local.set(initial);
    return local;
  }

  v128(initial: Vector): Local<"v128"> {
    const local = new Local("v128", this.#declare("v128"), this.body);
    local.set(initial);
    return local;
  }

  do(statement: Statement): void {
    this.body.push(statement.wat);
  }

  doWhile(body: () => void, condition: () => Int): void {
    const label = this.#label();
    this.body.push(`(loop ${label}`);
    body();
    this.body.push(`(br_if ${label} ${textOf(condition())}))`);
  }

  if(condition: Int, then: () => void): void {
    this.body.push(`(if ${textOf(condition)} (then`);
    then();
    this.body.push("))");
  }

  /** Statements that `leave` jumps out of. */
  block(body: (leave: () => void) => void): void {
    const label = this.#label();
    this.body.push(`(block ${label}`);
    body(() => this.body.push(`(br ${label})`));
    this.body.push(")");
  }

  #label(): string {
    return `$label${this.#labels++}`;
  }

  #declare(type: ValueType): string {
    const name = `local${this.locals.length}`;
    this.locals.push(`(local $${name} ${type})`);
    return name;
  }
}

/** A finished function; all parameters are i32. */
export interface Kernel {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly wat: string;
}

/** Builds the exported function `name` by running `build` on its parameters. */
export function kernel<const Names extends readonly string[]>(
  name: string,
  parameters: Names,
  build: (f: FunctionBuilder, parameters: { readonly [I in keyof Names]: IntLocal }) => void,
): Kernel {
  const f = new FunctionBuilder();
  build(f, parameters.map((parameter) => new IntLocal("i32", parameter, f.body)) as never);
  const signature = parameters.map((parameter) => `(param $${parameter} i32)`).join(" ");
  const wat = `(func $${name} (export "${name}") ${signature}\n${[...f.locals, ...f.body].join("\n")})`;
  return { name, parameters, wat };
}

const int =
  (instruction: string) =>
  (a: Int, b: Int): Value<"i32"> => ({ type: "i32", wat: `(i32.${instruction} ${textOf(a)} ${textOf(b)})` });

export const i32 = {
  add: int("add"),
  sub: int("sub"),
  mul: int("mul"),
  shl: int("shl"),
  eq: int("eq"),
  ne: int("ne"),
  greater: int("gt_s"),
  load: (address: Int, offset = 0): Value<"i32"> => ({
    type: "i32",
    wat: `(i32.load offset=${offset} ${textOf(address)})`,
  }),
};

const vector = (instruction: string, ...operands: (Int | Vector)[]): Vector => ({
  type: "v128",
  wat: `(${instruction} ${operands.map(textOf).join(" ")})`,
});

export const f32x4 = {
  add: (a: Vector, b: Vector) => vector("f32x4.add", a, b),
  sub: (a: Vector, b: Vector) => vector("f32x4.sub", a, b),
  mul: (a: Vector, b: Vector) => vector("f32x4.mul", a, b),
  /** a < b ? b : a, which passes a NaN in `a` on; one instruction, where `max` is nine. */
  pmax: (a: Vector, b: Vector) => vector("f32x4.pmax", a, b),
  greater: (a: Vector, b: Vector) => vector("f32x4.gt", a, b),
  zero: (): Vector => vector("v128.const i32x4 0 0 0 0"),
  /** Four times the float whose bits `bits` are. */
  splatBits: (bits: Int): Vector => ({ type: "v128", wat: `(f32x4.splat (f32.reinterpret_i32 ${textOf(bits)}))` }),
  /** x · y + sum; `fused` rounds once. */
  multiplyAdd: (x: Vector, y: Vector, sum: Vector, fused: boolean): Vector =>
    fused ? vector("f32x4.relaxed_madd", x, y, sum) : f32x4.add(sum, f32x4.mul(x, y)),
};

export const i32x4 = {
  add: (a: Vector, b: Vector) => vector("i32x4.add", a, b),
};

export const v128 = {
  load: (address: Int, offset = 0) => vector(`v128.load offset=${offset}`, address),
  /** Four times one float of memory. */
  loadSplat: (address: Int, offset = 0) => vector(`v128.load32_splat offset=${offset}`, address),
  store: (address: Int, value: Vector, offset = 0): Statement => ({
    type: "statement",
    wat: `(v128.store offset=${offset} ${textOf(address)} ${textOf(value)})`,
  }),
  and: (a: Vector, b: Vector) => vector("v128.and", a, b),
  or: (a: Vector, b: Vector) => vector("v128.or", a, b),
  /** The 32-bit lanes `lanes` of a (0…3) and b (4…7). */
  shuffle: (a: Vector, b: Vector, lanes: readonly [number, number, number, number]) =>
    vector(`i8x16.shuffle ${lanes.flatMap((lane) => range(4).map((byte) => 4 * lane + byte)).join(" ")}`, a, b),
};

/** Indices of `count` vectors in the order to store them: the high one of a pair first, which V8 makes one 256-bit store. */
export const storeOrder = (count: number): number[] => range(count).map((i) => (count > 1 ? i ^ 1 : i));

/** An address as a variable: V8 packs only what has the same one. */
const fixed = (f: FunctionBuilder, address: Int) => (address instanceof IntLocal ? address : f.i32(address));

/** Stores vectors side by side. They are evaluated first: a load between paired stores would keep V8 from packing them. */
export function storeAll(f: FunctionBuilder, address: Int, values: readonly Vector[], offset = 0): void {
  const ready = values.map((value) => f.v128(value));
  const at = fixed(f, address);
  for (const j of storeOrder(values.length)) f.do(v128.store(at, ready[j]!, offset + j * VECTOR_BYTES));
}

/** Loads `count` vectors that lie side by side. */
export function loadAll(f: FunctionBuilder, address: Int, count: number, offset = 0): Local<"v128">[] {
  const at = fixed(f, address);
  return range(count).map((j) => f.v128(v128.load(at, offset + j * VECTOR_BYTES)));
}

/** Gives every variable a new value. */
export function update(
  variables: readonly Local<"v128">[],
  value: (variable: Local<"v128">, index: number) => Vector,
): void {
  for (const [index, variable] of variables.entries()) variable.set(value(variable, index));
}
