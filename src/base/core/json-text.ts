/**
 * JSON read without loss. `JSON.parse` rounds integers beyond 2^53 and keeps the last of two members of one name, both without a
 * word. Here such an integer becomes its own digits, as text, and a name that comes twice is an error. Texts that hold
 * neither, nearly all, cost one parse and one search.
 */

/** One object names a member twice: what readers make of it differs (RFC 8259, section 4). */
export class RepeatedMemberError extends SyntaxError {
  readonly member: string;
  constructor(member: string) {
    super(`an object names ${JSON.stringify(member.slice(0, 60))} twice, expected once`);
    this.member = member;
  }
}

/** Digits of a number that may be beyond 2^53, which has 16; in a text too, which is then looked at closely for nothing. */
const LONG_NUMBER = /(?:^|[:[,\s])-?\d{16}/;
/** What stands behind every member's name. The end of an escaped quote looks the same: then there are more of these than names. */
const NAME_END = /"\s*:/g;

/** `longNumbers`: what becomes of integers beyond 2^53. Rows of data name things by them; a config means a size. */
export type JsonOptions = { readonly longNumbers?: "text" | "round" };

/**
 * Parses JSON. Numbers written without an exponent that are beyond ±(2^53 - 1) come as text, digit by digit, unless they may be rounded;
 * all else is as `JSON.parse` has it.
 * @throws SyntaxError when the text is not JSON; RepeatedMemberError when an object names a member twice
 */
export function parseJson(text: string, { longNumbers = "text" }: JsonOptions = {}): unknown {
  const value: unknown = JSON.parse(text);
  if (countNameEnds(text) > countMembers(value)) refuseRepeatedMembers(text);
  return longNumbers === "text" && LONG_NUMBER.test(text) ? JSON.parse(quoteLongNumbers(text)) : value;
}

function countNameEnds(text: string): number {
  NAME_END.lastIndex = 0;
  let count = 0;
  while (NAME_END.test(text)) count++;
  return count;
}

/** Members of all objects within a value. No recursion: depth is the writer's choice. */
function countMembers(value: unknown): number {
  const open = [value];
  let count = 0;
  while (open.length > 0) {
    const one = open.pop();
    if (typeof one !== "object" || one === null) continue;
    const inner = Object.values(one);
    if (!Array.isArray(one)) count += inner.length;
    for (const member of inner) if (typeof member === "object" && member !== null) open.push(member);
  }
  return count;
}

/** Looks at every object's names, as they are without escapes. The text is JSON. */
function refuseRepeatedMembers(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (const { start, end } of tokens(text)) {
    const sign = text[start];
    if (sign === "{") open.push(new Set());
    else if (sign === "[") open.push(undefined);
    else if (sign === "}" || sign === "]") open.pop();
    else if (sign === '"' && isName(text, end)) {
      const spelt = text.slice(start + 1, end - 1);
      const name = spelt.includes("\\") ? (JSON.parse(`"${spelt}"`) as string) : spelt;
      const names = open.at(-1)!;
      if (names.has(name)) throw new RepeatedMemberError(name);
      names.add(name);
    }
  }
}

/** True when a string that ends here is a member's name: a colon follows. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return text[at] === ":";
}

/** Puts quotes around numbers that a double cannot hold. The text is JSON. */
function quoteLongNumbers(text: string): string {
  const parts: string[] = [];
  let done = 0;
  for (const { start, end } of tokens(text)) {
    if (text[start] === '"' || end - start < 16) continue;
    const number = text.slice(start, end);
    if (/e/i.test(number) || Math.abs(Number(number)) <= Number.MAX_SAFE_INTEGER) continue;
    parts.push(text.slice(done, start), `"${number}"`);
    done = end;
  }
  return parts.join("") + text.slice(done);
}

type Token = { readonly start: number; readonly end: number };

/** Strings, numbers and brackets of a text that is JSON, in their order. */
function* tokens(text: string): Generator<Token, void, undefined> {
  const next = /["[\]{}]|-?\d[\d.eE+-]*/g;
  for (let found = next.exec(text); found !== null; found = next.exec(text)) {
    const start = found.index;
    const end = found[0] === '"' ? endOfString(text, start) : next.lastIndex;
    yield { start, end };
    next.lastIndex = end;
  }
}

/** Behind the quote that closes the string which opens at `start`: the first one with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text[before - 1] === "\\") before--;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
}
