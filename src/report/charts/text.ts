/** Text in charts: there is no browser to measure it, so widths are estimated on the wide side, and labels kept apart. */

const NARROW = /[iljtfrI.,:;'|!()[\] ]/;
const WIDE = /[mwMW@%—…]/;

/** Estimated width in pixels at a font size; on the wide side, as wide as Verdana and DejaVu Sans are. */
export function textWidth(text: string, size = 12): number {
  let ems = 0;
  for (const character of text) ems += characterEms(character);
  return ems * size;
}

/** The text, cut with "…" to fit a width in pixels. */
export function fitText(text: string, width: number, size = 12): string {
  if (textWidth(text, size) <= width) return text;
  const characters = [...text];
  while (characters.length > 1 && textWidth(`${characters.join("")}…`, size) > width) characters.pop();
  return `${characters.join("").trimEnd()}…`;
}

/** The text in at most two lines of a width in pixels, broken at a space, the second cut with "…" if it must be. */
export function wrapText(text: string, width: number, size = 12): string[] {
  if (textWidth(text, size) <= width) return [text];
  const words = text.split(" ");
  let count = words.length - 1;
  while (count > 1 && textWidth(words.slice(0, count).join(" "), size) > width) count--;
  const lines = count < 1 ? [text] : [words.slice(0, count).join(" "), words.slice(count).join(" ")];
  return lines.map((line) => fitText(line, width, size));
}

/**
 * Moves labels apart along one axis: the order stays, neighbours are at least `gap` apart, all within [low, high]
 * as long as they fit (else they are spread evenly over it).
 */
export function spreadLabels(
  wanted: readonly number[],
  gap: number,
  [low, high]: readonly [number, number],
): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  const room = high - low;
  const step = order.length > 1 ? Math.min(gap, room / (order.length - 1)) : gap;
  const placed = order.map((index) => Math.min(high, Math.max(low, wanted[index]!)));
  for (let i = 1; i < placed.length; i++) placed[i] = Math.max(placed[i]!, placed[i - 1]! + step);
  if (placed.length > 0) placed[placed.length - 1] = Math.min(placed.at(-1)!, high);
  for (let i = placed.length - 2; i >= 0; i--) placed[i] = Math.min(placed[i]!, placed[i + 1]! - step);
  const result = new Array<number>(wanted.length);
  order.forEach((index, rank) => {
    result[index] = placed[rank]!;
  });
  return result;
}

function characterEms(character: string): number {
  if (NARROW.test(character)) return 0.4;
  if (WIDE.test(character)) return 1;
  if (/[A-Z]/.test(character)) return 0.74;
  // Scripts with square characters, and emoji.
  return character.codePointAt(0)! >= 0x2e80 ? 1.05 : 0.635;
}
