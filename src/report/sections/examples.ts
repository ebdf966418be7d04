/** Pairs on which labellers differ, to be read by a person. */

import type { Section } from "../blocks.ts";
import type { ReportData } from "../data.ts";

/** The examples section. */
export function examplesSection(data: ReportData): Section | undefined {
  const examples = data.examples ?? [];
  if (examples.length === 0) return undefined;
  const heat = examples.some((one) => (one.tokensA?.length ?? 0) + (one.tokensB?.length ?? 0) > 0);
  return {
    id: "examples",
    title: "Where labellers disagree",
    blocks: [{ type: "examples", examples }],
    terms: ["margin", "confidence", ...(heat ? (["tokens"] as const) : [])],
  };
}
