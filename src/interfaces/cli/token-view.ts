/**
 * Shows the tokens of a pair as a model sees them: prompt, response a, response b; what is trained on is marked. With colours by
 * background, without (NO_COLOR) in brackets.
 */

import { visible } from "../../base/core/visible.ts";
import type { EncodedPair } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { Paint } from "./streams.ts";

/** One token: `inLoss` is true where the model is trained to predict it. */
export type ShownToken = { readonly id: number; readonly piece: string; readonly inLoss: boolean };

/** The three parts of an encoded pair as tokens. */
export type ShownPair = { readonly prompt: ShownToken[]; readonly a: ShownToken[]; readonly b: ShownToken[] };

/** Tokens of each part; responses are in the loss, the prompt is not. */
export function showPair(tokenizer: Tokenizer, pair: EncodedPair): ShownPair {
  const part = (ids: readonly number[], inLoss: boolean) => {
    const pieces = tokenizer.pieces(ids);
    return ids.map((id, i) => ({ id, piece: pieces[i] ?? "", inLoss }));
  };
  return { prompt: part(pair.prompt, false), a: part(pair.a, true), b: part(pair.b, true) };
}

/** A token's text on one line: breaks and tabs as signs, other control characters spelled out, for it must not command the terminal. */
export function shownPiece(piece: string): string {
  return visible(piece.replaceAll("\r", "␍").replaceAll("\n", "⏎").replaceAll("\t", "⇥"));
}

/** Alternating shades tell neighbouring tokens apart. */
const SHADES = {
  prompt: ["dim", "reset"],
  a: ["bgGreen", "bgCyan"],
  b: ["bgMagenta", "bgBlue"],
} as const;

/**
 * The pair as text. Line breaks inside tokens are shown as `⏎` and kept; with `colours` off every token stands in
 * brackets, `[…]` in the loss and `‹…›` out of it.
 */
export function formatShownPair(shown: ShownPair, paint: Paint, colours: boolean): string {
  const token = (part: keyof ShownPair) => (token: ShownToken, i: number) => {
    const text = shownPiece(token.piece);
    const broken = token.piece.includes("\n") ? "\n" : "";
    if (!colours) return `${token.inLoss ? `[${text}]` : `‹${text}›`}${broken}`;
    return `${paint(part === "prompt" ? SHADES.prompt[i % 2]! : ["black", SHADES[part][i % 2]!], text)}${broken}`;
  };
  const section = (part: keyof ShownPair, title: string) =>
    `${paint("bold", `${title}, ${shown[part].length} tokens`)}\n${shown[part].map(token(part)).join("")}`;
  return [
    section("prompt", "prompt (not in the loss)"),
    section("a", "response a (in the loss)"),
    section("b", "response b (in the loss)"),
  ].join("\n\n");
}
