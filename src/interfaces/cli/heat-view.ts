/**
 * Token contributions in a terminal: a response whose tokens are shaded by what each adds to the score. Below zero is underlined, so
 * that the sign does not hang on colour; without colours every token stands in brackets with its number.
 */

import type { PairExplanation, TokenValue } from "../../method/teacher/explain.ts";
import { heatLevel, largestOf } from "../../report/charts/token-heat.ts";
import type { Paint } from "./streams.ts";
import { shownPiece } from "./token-view.ts";

/** Backgrounds and text of the xterm palette, by level 1 to 4: blue adds, orange takes away. */
const UP = ["48;5;153;38;5;16", "48;5;111;38;5;16", "48;5;69;38;5;231", "48;5;26;38;5;231"] as const;
const DOWN = ["48;5;223;38;5;16", "48;5;215;38;5;16", "48;5;208;38;5;16", "48;5;166;38;5;231"] as const;

/** Both responses with their sums and a legend. */
export function formatExplanation(
  { prompt, a, b, scoreA, scoreB, flags }: PairExplanation,
  paint: Paint,
  colours: boolean,
): string {
  const largest = Math.max(largestOf(a), largestOf(b));
  const response = (name: string, tokens: readonly TokenValue[], score: number) =>
    `${paint("bold", `response ${name}, ${tokens.length} tokens, score ${signed(score)}`)}\n${heatText(tokens, largest, colours)}`;
  const margin = scoreA - scoreB;
  const says = margin > 0 ? "prefers a" : margin < 0 ? "prefers b" : "prefers neither";
  return [
    `${paint("bold", `prompt, ${prompt.length} tokens (no part of the score)`)}\n${paint("dim", prompt.map(shownPiece).join(""))}`,
    response("a", a, scoreA),
    response("b", b, scoreB),
    `the teacher ${says}: ${signed(scoreA)} - ${signed(scoreB)} = ${signed(margin)}${flags.length === 0 ? "" : `; flags: ${flags.join(", ")}`}`,
    legend(largest, colours),
  ].join("\n\n");
}

/** Tokens one after another. @param largest - what counts as full shade, the same for both responses */
export function heatText(tokens: readonly TokenValue[], largest: number, colours: boolean): string {
  return tokens
    .map(({ text, value }) => {
      const broken = text.includes("\n") ? "\n" : "";
      if (!colours) return `[${shownPiece(text)} ${signed(value)}]${broken}`;
      return `${shade(shownPiece(text), heatLevel(value, largest))}${broken}`;
    })
    .join("");
}

function legend(largest: number, colours: boolean): string {
  const meaning = "what a token adds: beta (log policy - log reference), adding up to the score";
  if (!colours) return `[token number]: ${meaning}`;
  const down = [-4, -3, -2, -1].map((level) => shade("  ", level)).join("");
  const up = [1, 2, 3, 4].map((level) => shade("  ", level)).join("");
  return `${signed(-largest)} ${down}  ${up} ${signed(largest)}   ${meaning}`;
}

function shade(text: string, level: number): string {
  if (level === 0) return text;
  const style = level > 0 ? UP[level - 1] : `4;${DOWN[-level - 1]}`;
  return `\u001b[${style}m${text}\u001b[0m`;
}

const signed = (value: number) => `${value > 0 ? "+" : ""}${(value + 0).toFixed(3)}`;
