/**
 * Ends of words in scripts that put no spaces between them (Chinese, Japanese, Thai, …), and after punctuation there. Words are those of
 * Unicode's segmentation (UAX 29, with the dictionaries of ICU), so that neither a word, nor a character with its marks, nor a surrogate pair is cut.
 */

/** Characters of scripts without spaces, and the wide punctuation that goes with them. */
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}\p{scx=Lana}\p{scx=Yiii}\u3000-\u303f\uff00-\uffef]/u;

/** Ends of questions and of labels such as `A:`, after which a word of another than the Latin script may begin without a space. */
const CLOSING = /[?!:;。？！：；؟؛।]/u;
const LETTER_NOT_LATIN = /(?!\p{scx=Latn})\p{L}/u;

/** Most UTF-16 units before and after the place that are looked at: words depend on little around them. */
const BEFORE = 400;
const AFTER = 80;

/**
 * Tells whether a place up to `length`, in which both texts are the same up to there, ends a word of both.
 * Places further back than 400 units are none: whoever walks on to them finds white space or nothing.
 */
export function wordEndsOfBoth(a: string, b: string, length: number): (at: number) => boolean {
  const near =
    a.slice(Math.max(0, length - BEFORE), length) + a.slice(length, length + 2) + b.slice(length, length + 2);
  // Texts of spaced scripts need no segmentation.
  if (!UNSPACED.test(near) && !(CLOSING.test(near) && LETTER_NOT_LATIN.test(near))) return () => false;
  const [inA, inB] = [wordEnds(a, length), wordEnds(b, length)];
  return (at) => inA.has(at) && inB.has(at) && mayEnd(a, at, [after(a, at), after(b, at)]);
}

const after = (text: string, at: number): string =>
  at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : "";

function mayEnd(text: string, at: number, next: readonly [string, string]): boolean {
  const last = [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? "";
  if (UNSPACED.test(last)) return true;
  // Both go on in such a script; a word of a spaced script may be longer than what both share of it.
  if (next.every((one) => UNSPACED.test(one))) return true;
  return CLOSING.test(last) && next.every((one) => LETTER_NOT_LATIN.test(one));
}

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: "word" });

/** Places around `length` where a word, or what stands between words, ends. */
function wordEnds(text: string, length: number): Set<number> {
  const from = startOf(text, Math.max(0, length - BEFORE));
  const ends = new Set<number>();
  for (const { index, segment } of SEGMENTER.segment(text.slice(from, length + AFTER)))
    ends.add(from + index + segment.length);
  return ends;
}

/** The same place, or one further if it would part a surrogate pair. */
function startOf(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at + 1 : at;
}
