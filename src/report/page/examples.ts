/** Disagreement examples as HTML: the prompt, both responses side by side, who preferred which and how strongly. */
import { largestOf, tokenHeat } from "../charts/token-heat.ts";
import type { DisagreementExample, TokenValue } from "../data.ts";
import { formatNumber } from "../format.ts";
import { type Html, html } from "../html.ts";
import { undecided, verdictDetail } from "../verdicts.ts";

/** One example. */
export function exampleHtml(example: DisagreementExample): Html {
  const largest = Math.max(largestOf(example.tokensA ?? []), largestOf(example.tokensB ?? []));
  const other = undecided(example);
  const details = example.verdicts.map(verdictDetail).filter((text) => text !== undefined);
  return html`<article class="example">
<p class="id"><span>${example.id}</span>${[...details, ...other].map((text) => html`<span>${text}</span>`)}</p>
<div class="quote prompt" dir="auto">${example.prompt}</div>
<div class="pair">${sideHtml(example, "a", example.tokensA, largest)}${sideHtml(example, "b", example.tokensB, largest)}</div>
${example.note !== undefined && html`<p class="soft">${example.note}</p>`}</article>
`;
}

function sideHtml(
  example: DisagreementExample,
  side: "a" | "b",
  tokens: TokenValue[] | undefined,
  largest: number,
): Html {
  const gold = side === "a" ? example.goldA : example.goldB;
  const by = example.verdicts
    .filter((verdict) => verdict.preferred === side)
    .map((verdict) => html`<span class="by">${verdict.by}</span>`);
  const score =
    gold !== undefined &&
    html`<span class="score">gold ${formatNumber(gold, { digits: 2, signed: true })}</span>`;
  const text = tokenHeat(tokens ?? [], largest) ?? example[side];
  return html`<div><h4><span>${side.toUpperCase()}${by}</span>${score}</h4><div class="quote" dir="auto">${text}</div></div>`;
}
