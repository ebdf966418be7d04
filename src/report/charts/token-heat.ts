/** A response with every token tinted by what it adds to the score: readable text first, colour second. */
import { formatNumber } from "../format.ts";
import { type Html, html } from "../html.ts";

/** Steps of tint on each side of zero. */
const STEPS = 4;

/**
 * Tokens as inline spans: `up1`…`up4` above zero, `down1`…`down4` below (underlined, so that the sign does not hang on
 * colour), relative to the largest absolute value. The value is in the tooltip. No token: undefined.
 *
 * @param largest - what counts as full tint; pass one for both responses of a pair so that they compare
 */
export function tokenHeat(
  tokens: readonly { text: string; value: number }[],
  largest = largestOf(tokens),
): Html | undefined {
  if (tokens.length === 0) return undefined;
  return html`<span class="tokens">${tokens.map((token) => {
    const level = heatLevel(token.value, largest);
    const style = level === 0 ? "" : level > 0 ? ` up${level}` : ` down${-level}`;
    return html`<span class="token${style}" title="${formatNumber(token.value, { digits: 3, signed: true })}">${token.text}</span>`;
  })}</span>`;
}

/** Largest absolute value, 0 when there is none. */
export function largestOf(tokens: readonly { value: number }[]): number {
  return tokens.reduce(
    (most, token) => (Number.isFinite(token.value) ? Math.max(most, Math.abs(token.value)) : most),
    0,
  );
}

/** -4 … 4: the share of `largest`, rounded away from zero only above an eighth of it. */
export function heatLevel(value: number, largest: number): number {
  if (largest <= 0 || !Number.isFinite(value)) return 0;
  return Math.round(Math.max(-1, Math.min(1, value / largest)) * STEPS) + 0;
}
