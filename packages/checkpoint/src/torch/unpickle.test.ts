import { RepvggError } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { failureOf } from "../byte-source.ts";
import { PyDict, PyGlobal, PyObject, PyTuple, type PyValue } from "./py-values.ts";
import { text } from "./test-zip.ts";
import { type PickleHost, unpickle } from "./unpickle.ts";

const host: PickleHost = {
  call: (target, args) => new PyTuple([target, ...args]),
  persistent: (id) => new PyTuple(["outside", id]),
};
const bytesOf = (...parts: (string | number)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...text(part)])));
const read = (...parts: (string | number)[]) => unpickle(bytesOf(...parts), 0, host, failureOf("x.pth"));
const value = (...parts: (string | number)[]) => read(...parts).value;
const dict = (...pairs: [PyValue, PyValue][]) => Object.assign(new PyDict(), { pairs });

describe("unpickle reads", () => {
  // As `pickletools.dis` of CPython shows them.
  it.each<[string, PyValue, (string | number)[]]>([
    ["None, True, False", new PyTuple([null, true, false]), ["N", 0x88, 0x89, 0x87, "."]],
    ["booleans of protocol 0", new PyTuple([true, false]), ["(I01\nI00\nt."]],
    ["whole numbers of protocol 0", new PyTuple([-5, 7]), ["(I-5\nL7L\nt."]],
    [
      "whole numbers of 1, 2 and 4 bytes",
      new PyTuple([200, 513, -1]),
      ["K", 200, "M", 1, 2, "J", 255, 255, 255, 255, 0x87, "."],
    ],
    ["a negative long", -2, [0x8a, 1, 254, "."]],
    ["an empty long", 0, [0x8a, 0, "."]],
    ["a long that is no JavaScript number", 2n ** 64n, [0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, "."]],
    ["a long with a length of 4 bytes", 258, [0x8b, 2, 0, 0, 0, 2, 1, "."]],
    [
      "floats",
      new PyTuple([1.5, -2, Number.POSITIVE_INFINITY]),
      ["G", 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, "F-2.0\nFinf\n", 0x87, "."],
    ],
    ["text of protocol 0", new PyTuple(["né\n", 'a"b\n']), ["(Vn\\u00e9\\u000a\nS'a\"b\\n'\nt."]],
    [
      "text",
      new PyTuple(["é", "b", "c"]),
      ["X", 2, 0, 0, 0, 0xc3, 0xa9, 0x8c, 1, "b", 0x8d, 1, 0, 0, 0, 0, 0, 0, 0, "c", 0x87, "."],
    ],
    ["strings of Python 2", new PyTuple(["a", "b"]), ["U", 1, "aT", 1, 0, 0, 0, "b", 0x86, "."]],
    ["bytes", new PyTuple([Uint8Array.of(1), Uint8Array.of(2)]), ["C", 1, 1, "B", 1, 0, 0, 0, 2, 0x86, "."]],
    [
      "long bytes and bytearrays",
      new PyTuple([Uint8Array.of(1), Uint8Array.of(2)]),
      [0x8e, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x96, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0x86, "."],
    ],
    ["tuples", new PyTuple([new PyTuple([]), new PyTuple([1])]), ["(t", "K", 1, 0x85, 0x86, "."]],
    ["lists", new PyTuple([[1], [2, 3]]), ["](K", 1, "e(I2\nlI3\na", 0x86, "."]],
    ["sets", new PyTuple([[1], [2]]), [0x8f, "(K", 1, 0x90, "(K", 2, 0x91, 0x86, "."]],
    [
      "dicts",
      new PyTuple([dict(["a", 1]), dict(["b", 2], ["c", 3])]),
      ["}Va\nK", 1, "s(Vb\nI2\nd(Vc\nI3\nu", 0x86, "."],
    ],
    [
      "the memo",
      new PyTuple(["a", "a", "a"]),
      ["Va\nq", 5, "0h", 5, "p7\n0g7\n", 0x94, "j", 5, 0, 0, 0, "h", 2, 0x87, "."],
    ],
    ["pop, dup and marks", new PyTuple([1, 1]), ["K", 1, "(K", 2, "1(0K", 3, "02", 0x86, "."]],
    ["names", new PyTuple([new PyGlobal("a.b.C"), new PyGlobal("d.E")]), ["ca.b\nC\nVd\nVE\n", 0x93, 0x86, "."]],
    ["extensions", new PyGlobal("copyreg.extension(7)"), [0x82, 7, "."]],
    ["calls, by the host", new PyTuple([new PyGlobal("os.system"), "ls"]), ["cos\nsystem\n(Vls\ntR."]],
    ["objects, by the host", new PyTuple([new PyGlobal("a.B"), 1]), ["ca\nB\n(K", 1, "t}", 0x92, "}Vx\nI1\nsb."]],
    ["objects of protocol 0", new PyTuple([new PyGlobal("a.B"), 1]), ["(I1\nia\nB\n."]],
    ["objects of protocol 1", new PyTuple([new PyGlobal("a.B"), 1]), ["(ca\nB\nI1\no."]],
    ["what lies outside, by the host", new PyTuple(["outside", "key"]), ["Vkey\nQ."]],
    ["what lies outside, of protocol 0", new PyTuple(["outside", "key"]), ["Pkey\n."]],
    ["protocols and frames", 1, [0x80, 5, 0x95, 3, 0, 0, 0, 0, 0, 0, 0, "K", 1, "."]],
  ])("%s", (_, expected, parts) => expect(value(...parts)).toEqual(expected));

  it("one pickle, and says where it ends", () => {
    expect(unpickle(bytesOf("xI1\n.I2\n."), 1, host, failureOf("x"))).toEqual({ value: 1, end: 5 });
  });

  it("values that contain themselves", () => {
    const list = value("]q", 0, "h", 0, "a.") as PyValue[];
    expect(list[0]).toBe(list);
  });

  it("items of unknown things by dropping them", () => {
    const inert: PickleHost = { ...host, call: () => new PyObject("my.Dict") };
    const { value } = unpickle(bytesOf("cmy\nDict\n)R(Va\nI1\nu(I1\ne."), 0, inert, failureOf("x"));
    expect(value).toEqual(new PyObject("my.Dict"));
  });
});

describe("unpickle refuses", () => {
  it.each<[string, RegExp, (string | number)[]]>([
    ["an empty pickle", /is cut short/, []],
    ["one without an end", /is cut short/, ["N"]],
    ["text longer than the file", /is cut short/, ["X", 255, 255, 255, 255, "a"]],
    ["text of 2^63 bytes", /is cut short/, [0x8d, 255, 255, 255, 255, 255, 255, 255, 127]],
    ["a line without an end", /is cut short/, ["Vabc"]],
    ["an empty stack", /takes a value from an empty stack \(byte 1\)/, ["."]],
    ["values from below a mark", /empty stack/, ["N(", 0x85, "."]],
    ["a mark that is not there", /goes back to a mark/, ["Nt."]],
    ["a value that was not stored", /recalls the value 9/, ["h", 9, "."]],
    ["a protocol to come", /has the protocol 6; 0 to 5/, [0x80, 6, "N."]],
    ["unknown operations", /has the operation 0xff/, [0xff]],
    ["buffers from elsewhere", /has the operation 0x97/, [0x97, "."]],
    ["a key without a value", /a key without a value/, ["(Va\nd."]],
    ["calls with no tuple", /with a list as arguments/, ["ca\nb\n]R."]],
    ["an object of no class", /object of no class/, ["(o."]],
    ["names that are no text", /a name that is no text/, ["NN", 0x93, "."]],
    ["numbers that are none", /a whole number that is none/, ["I1e3\n."]],
    ["floats that are none", /a number that is none/, ["Fx\n."]],
    ["a number of a megabyte", /a whole number of 1048576 bytes/, [0x8b, 0, 0, 16, 0, "."]],
    ["a number of many digits", /a whole number that is none/, [`I${"9".repeat(5000)}\n.`]],
    ["a string without quotes", /without quotes/, ["Sa\n."]],
  ])("%s", (_, message, parts) => {
    expect(() => read(...parts)).toThrow(RepvggError);
    expect(() => read(...parts)).toThrow(message);
    expect(() => read(...parts)).toThrow(/^x\.pth is damaged: its pickle .* \(byte \d+\)\.$/);
  });

  it("marks nested without end", () => expect(() => read("(".repeat(20_000))).toThrow(/nests more than 10000 levels/));

  it("more objects than any checkpoint has, in bounded memory", () => {
    expect(() => read("}".repeat(2_100_000))).toThrow(/more than 2000000/);
  });

  it("but not nested lists, however deep, which take no stack of ours", () => {
    expect(value("]".repeat(100_000), "a".repeat(99_999), ".")).toHaveLength(1);
  });
});
