/**
 * How much work a pattern of a tokenizer.json can make. A backtracking engine needs a time that doubles with each character where a
 * repetition contains another, and a power of the length where several stand in a row. Read is the form of the pattern alone, so what
 * cannot be read counts as the worst.
 */

/** What is known of a pattern by its form. */
export type PatternCost = {
  /** Repetitions stand inside each other, there are very many choices, or the form is not one that is read. */
  readonly nested: boolean;
  /** Most repetitions without a bound that stand in a row. */
  readonly loops: number;
  /** Most choices in a row that are no such repetition. */
  readonly choices: number;
  /** Fewest characters of a match. */
  readonly least: number;
};

/** Repetitions up to this many more than the fewest are choices, of more are loops. */
const FEW = 16;
/** Choices in a row: each may double the work. */
const MOST_CHOICES = 8;
/** Steps of the engine that take no noticeable time, tenths of a second. */
const FREE_STEPS = 1e8;

/** Reads a pattern. */
export function patternCost(pattern: string): PatternCost {
  const reader = new PatternReader(pattern);
  try {
    const { loops, choices, nested, least } = reader.read();
    return { loops, choices, least, nested: nested || choices > MOST_CHOICES };
  } catch {
    return { nested: true, loops: 1, choices: 0, least: 0 };
  }
}

/** Characters of a text in which a pattern takes no noticeable time; 0 where any may take for ever. */
export function harmlessLength({ nested, loops, choices }: PatternCost): number {
  if (nested) return 0;
  return Math.floor((FREE_STEPS / 2 ** choices) ** (1 / (loops + 1)));
}

type Node = { least: number; loops: number; choices: number; nested: boolean };

const EMPTY: Node = { least: 0, loops: 0, choices: 0, nested: false };
const ONE: Node = { ...EMPTY, least: 1 };

class PatternReader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  read(): Node {
    const node = this.alternatives();
    if (this.at < this.text.length) throw new Error("a bracket that is not open");
    // Alternatives of the whole pattern are tried one after another.
    return node;
  }

  private alternatives(): Node {
    let node = this.sequence();
    while (this.text[this.at] === "|") {
      this.at++;
      const other = this.sequence();
      node = {
        least: Math.min(node.least, other.least),
        loops: Math.max(node.loops, other.loops),
        choices: Math.max(node.choices, other.choices),
        nested: node.nested || other.nested,
      };
    }
    return node;
  }

  private sequence(): Node {
    let node = EMPTY;
    while (this.at < this.text.length && this.text[this.at] !== "|" && this.text[this.at] !== ")") {
      const next = this.quantified();
      node = {
        least: node.least + next.least,
        loops: node.loops + next.loops,
        choices: node.choices + next.choices,
        nested: node.nested || next.nested,
      };
    }
    return node;
  }

  private quantified(): Node {
    const begin = this.at;
    let node = this.atom();
    const isGroup = this.text[begin] === "(";
    const hasChoices = isGroup && this.text.slice(begin, this.at).includes("|");
    for (let range = this.quantifier(); range !== undefined; range = this.quantifier()) {
      const [low, high] = range;
      const isLoop = high - low > FEW;
      const repeats = high > 1;
      // A repetition of what may match in several ways.
      const inside = repeats && (node.loops + node.choices > 0 || hasChoices);
      node = {
        least: node.least * low,
        loops: node.loops + (isLoop ? 1 : 0),
        choices: node.choices + (high > low && !isLoop ? 1 : 0),
        nested: node.nested || inside,
      };
    }
    // A group of alternatives is a choice of its own.
    return hasChoices ? { ...node, choices: node.choices + 1 } : node;
  }

  /** The range of a quantifier that stands here; undefined where none does. */
  private quantifier(): readonly [number, number] | undefined {
    const [whole, range] = /^(?:[*+?]|\{(\d*,?\d*)\})/.exec(this.text.slice(this.at, this.at + 24)) ?? [];
    if (whole === undefined || range === "" || range === ",") return undefined;
    this.at += whole.length;
    // Lazy, or possessive, which JavaScript does not have: counted as what it is without.
    if (this.text[this.at] === "?" || this.text[this.at] === "+") this.at++;
    if (range === undefined)
      return whole === "?" ? [0, 1] : [whole === "+" ? 1 : 0, Number.POSITIVE_INFINITY];
    const [low = "", high = low] = range.split(",");
    return [Number(low), high === "" ? Number.POSITIVE_INFINITY : Number(high)];
  }

  private atom(): Node {
    const character = String.fromCodePoint(this.text.codePointAt(this.at)!);
    this.at += character.length;
    if (character === "(") return this.group();
    if (character === "[") return this.set();
    if (character === "\\") return this.escape();
    return character === "^" || character === "$" ? EMPTY : ONE;
  }

  private group(): Node {
    const [start, kind] = /^\?(<?[=!]|<[^>=!]*>|[a-zA-Z-]*:|>|[a-zA-Z-]*\))/.exec(
      this.text.slice(this.at, this.at + 80),
    ) ?? ["", ""];
    if (start === "" && this.text[this.at] === "?") throw new Error("a group of another kind");
    this.at += start.length;
    // Options for what follows: `(?i)`.
    if (kind!.endsWith(")")) return EMPTY;
    const node = this.alternatives();
    if (this.text[this.at] !== ")") throw new Error("a group that is not closed");
    this.at++;
    return /^<?[=!]$/.test(kind!) ? { ...node, least: 0 } : node;
  }

  /** A set of characters, which in some dialects holds others. */
  private set(): Node {
    let depth = 1;
    if (this.text[this.at] === "^") this.at++;
    for (; depth > 0; this.at++) {
      const character = this.text[this.at];
      if (character === undefined) throw new Error("a set that is not closed");
      if (character === "\\") this.at++;
      else if (character === "[") depth++;
      else if (character === "]") depth--;
    }
    return ONE;
  }

  private escape(): Node {
    const [, name, property] = /^([a-zA-Z0-9]?)(\{[^}]*\})?/.exec(this.text.slice(this.at, this.at + 80))!;
    // What was matched before may be long, and is compared anew at each place.
    if (/^[1-9k]$/.test(name!)) throw new Error("a reference back");
    this.at += 1 + (/^[pPxu]$/.test(name!) ? (property?.length ?? 0) : 0);
    if (name === "u" && property === undefined) this.at += 4;
    if (name === "x" && property === undefined) this.at += 2;
    return /^[bBAzZG]$/.test(name!) ? EMPTY : ONE;
  }
}
