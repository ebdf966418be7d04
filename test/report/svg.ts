/** Reading charts back in tests. */
import { expect } from "vitest";

/** All numbers of a text, such as a path. */
export const numbers = (text: string) => (text.match(/-?\d+(\.\d+)?/g) ?? []).map(Number);
/** All matches of a pattern. */
export const all = (markup: string, pattern: RegExp) => [...markup.matchAll(pattern)];

/** Every coordinate of the markup lies on the page and is a number. */
export function expectOnPage(markup: string): void {
  expect(markup).not.toMatch(/NaN|Infinity|undefined/);
  const [, , width, height] = numbers(/viewBox="([^"]+)"/.exec(markup)![1]!) as [
    number,
    number,
    number,
    number,
  ];
  for (const [, name, value] of all(markup, / (x|x1|x2|y|y1|y2)="(-?[\d.]+)"/g)) {
    expect(Number(value), `${name} in ${markup.slice(0, 200)}`).toBeGreaterThanOrEqual(0);
    expect(Number(value)).toBeLessThanOrEqual(name!.startsWith("x") ? width : height);
  }
}
