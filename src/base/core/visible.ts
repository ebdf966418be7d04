/** Text from outside as a person may see it: no character of it can command a terminal, hide, or turn the direction of what follows. */

// Controls, direction overrides, separators; not tab, newline, soft hyphen and the joiners that scripts and emoji need.
const HIDDEN = /(?![\t\n\u00ad\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Hidden characters spelled out; the line ends of other systems become newlines. Used for terminals, HTML and Markdown alike. */
export function visible(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?/g, "\n")
    .replace(
      HIDDEN,
      (character) => `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`,
    );
}

/** The styles that this program paints with: no other sequence reaches a terminal, and none of these hides text. */
const STYLE = new RegExp(
  `(${String.fromCharCode(27)}\\[(?:[0-2]|4|2[2-4]|[349][0-79]|10[0-7]|(?:4;)?48;5;\\d{1,3};38;5;\\d{1,3})m)`,
);

/** What is printed for people. @param colours - keep the styles that this program paints with */
export function printed(text: string, colours = false): string {
  if (!colours) return visible(text);
  return text
    .split(STYLE)
    .map((part, i) => (i % 2 === 1 ? part : visible(part)))
    .join("");
}

/** A value as one line of JSON in which every hidden character is an escape; it parses to the same value. */
export function printedJson(value: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(HIDDEN, (character) => character.split("").map(escaped).join(""));
}
