/** Inputs made by a grammar, where damage to sound ones seldom makes what is harmful: patterns of tokenizers, and chat templates that work. */
import type { Rng } from "../../src/base/core/rng.ts";

const pick = <T>(items: readonly T[], rng: Rng): T => items[rng.int(items.length)]!;

const ATOMS = [
  "a",
  "b",
  "\\s",
  "\\p{L}",
  "[ab]",
  "[^a]",
  ".",
  "\\w",
  "(?!b)",
  "(?<=a)",
  "$",
  "\\b",
  "é",
  "[\\r\\n]",
];
const QUANTIFIERS = ["", "", "", "*", "+", "?", "{2,}", "{1,3}", "*?", "{0,99}"];

/** A pattern; one in ten has repetitions inside repetitions. */
export function makePattern(rng: Rng): string {
  const depth = rng.int(10) === 0 ? 3 : 0;
  const alternatives = Array.from({ length: 1 + rng.int(4) }, () => sequence(rng, depth));
  return alternatives.join("|");
}

function sequence(rng: Rng, depth: number): string {
  return Array.from({ length: 1 + rng.int(3) }, () => {
    const group = depth > 0 && rng.int(2) === 0;
    const atom = group ? `(?:${sequence(rng, depth - 1)}${rng.int(2) === 0 ? "|a" : ""})` : pick(ATOMS, rng);
    return atom + pick(QUANTIFIERS, rng);
  }).join("");
}

/** Parts of a `tokenizer.json` with made-up patterns. */
export function makeParts(rng: Rng): { readonly normalizer: unknown; readonly pre_tokenizer: unknown } {
  const pattern = () =>
    rng.int(4) === 0 ? { String: pick(["a", " ", "aa", ""], rng) } : { Regex: makePattern(rng) };
  const content = () => pick(["", "a", "aa", "$&$&", "$`", "▁", "b".repeat(rng.int(300))], rng);
  const normalizers = Array.from({ length: rng.int(6) }, () =>
    pick(
      [
        { type: "Replace", pattern: pattern(), content: content() },
        { type: "Prepend", prepend: content() },
        { type: "Strip", strip_left: true, strip_right: true },
        { type: "Lowercase" },
        { type: "NFKD" },
      ],
      rng,
    ),
  );
  const behavior = ["Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"];
  const pretokenizers = Array.from({ length: rng.int(4) }, () =>
    pick(
      [
        { type: "Split", pattern: pattern(), behavior: pick(behavior, rng), invert: rng.int(2) === 0 },
        {
          type: "Metaspace",
          replacement: pick(["▁", "  ", " ".repeat(rng.int(200))], rng),
          split: rng.int(2) === 0,
        },
        { type: "Digits", individual_digits: true },
        { type: "ByteLevel", add_prefix_space: rng.int(2) === 0 },
      ],
      rng,
    ),
  );
  return {
    normalizer: { type: "Sequence", normalizers },
    pre_tokenizer: { type: "Sequence", pretokenizers },
  };
}

const VALUES = [
  "ns.s",
  "ns.l",
  "ns.n",
  "'ab'",
  "[1, 'x']",
  "messages",
  "messages[0].content",
  "range(9)",
  "{'a': 1}",
  "loop",
];
const FILTERS = [
  "upper",
  "trim",
  "length",
  "list",
  "join('-')",
  "tojson",
  "replace('a', 'aaaa')",
  "reverse",
  "string",
  "sort",
  "indent(40)",
  "batch(3)",
];

/** A template whose loops, texts and lists grow. */
export function makeTemplate(rng: Rng): string {
  const statements = Array.from({ length: 1 + rng.int(6) }, () => statement(rng, 3));
  return `{%- set ns = namespace(s='ab', l=[1, 2], n=1) -%}${statements.join("")}{{ ns.s }}{{ ns.l | length }}`;
}

function statement(rng: Rng, depth: number): string {
  const inside = () => Array.from({ length: 1 + rng.int(3) }, () => statement(rng, depth - 1)).join("");
  const kind = depth > 0 ? rng.int(8) : rng.int(5);
  if (kind === 0) return `{{ ${expression(rng, 2)} }}`;
  if (kind === 1) return `{% set ns.s = ns.s ${pick(["+", "~"], rng)} ${expression(rng, 1)} %}`;
  if (kind === 2) return "{% set ns.l = ns.l + ns.l %}";
  if (kind === 3)
    return `{% set ns.s = ns.s${pick([" * 2", " + ns.s", "[1:]", " | replace('a', ns.s)", " ~ ns.l"], rng)} %}`;
  if (kind === 4)
    return `{% set ns.n = ns.n ${pick(["+", "*", "**", "-", "//"], rng)} ${pick(["2", "3", "ns.n", "9999999"], rng)} %}`;
  if (kind === 5)
    return `{% for x in ${pick(["range(40)", "range(ns.n)", "ns.l", "messages", "ns.s", "range(2000)"], rng)} %}${inside()}{% endfor %}`;
  if (kind === 6)
    return `{% if ${expression(rng, 1)} ${pick(["==", "in", "<", "is not"], rng)} ${pick(["ns.l", "'a'", "none", "3"], rng)} %}${inside()}{% endif %}`;
  return `{% macro m(x) %}${inside()}{{ m(x + x) if x | length < 50 }}{% endmacro %}{{ m(${expression(rng, 1)}) }}`;
}

function expression(rng: Rng, depth: number): string {
  const value = pick(VALUES, rng);
  if (depth === 0) return value;
  const kind = rng.int(4);
  if (kind === 0) return `(${value} | ${pick(FILTERS, rng)})`;
  if (kind === 1)
    return `(${expression(rng, depth - 1)} ${pick(["+", "~", "*"], rng)} ${expression(rng, depth - 1)})`;
  return kind === 2 ? `[${value}, ${expression(rng, depth - 1)}]` : value;
}
