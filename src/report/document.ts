/**
 * A report between its data and its form: sections of blocks. Sections are decided once, here, so that the page and
 * the Markdown hold the same things in the same order; only drawing differs.
 */
import { answerSentences } from "./answer.ts";
import type { ReportDocument, Section } from "./blocks.ts";
import type { ReportData } from "./data.ts";
import { glossaryOf } from "./glossary.ts";
import { headlines } from "./headline.ts";
import { examplesSection } from "./sections/examples.ts";
import { labelSections } from "./sections/labels.ts";
import { outcomeSection } from "./sections/outcome.ts";
import { provenanceSections } from "./sections/provenance.ts";
import { studySections } from "./sections/studies.ts";
import { trainingSection } from "./sections/training.ts";

/** Decides what the report holds. Sections without content are not in it. */
export function buildDocument(data: ReportData): ReportDocument {
  const sections = [
    outcomeSection(data),
    ...labelSections(data),
    ...studySections(data),
    trainingSection(data),
    examplesSection(data),
    ...provenanceSections(data),
  ].filter((section) => section !== undefined);
  const terms = glossaryOf(sections.flatMap((section) => section.terms ?? []));
  if (terms.length > 0)
    sections.push({ id: "glossary", title: "Glossary", blocks: [{ type: "facts", items: terms }] });
  const note = intervalNote(data);
  return {
    title: data.title,
    runId: data.runId,
    facts: keyFacts(data),
    summary: data.summary,
    headline: [
      ...answerSentences(data),
      ...headlines(data.differences, data.intervals),
      ...(data.headlineNotes ?? []),
    ],
    intervalNote: note,
    warnings: data.warnings ?? [],
    sections: withUniqueIds(sections),
  };
}

/** Two studies may have one name; anchors may not. */
function withUniqueIds(sections: readonly Section[]): Section[] {
  const seen = new Map<string, number>();
  return sections.map((section) => {
    const count = (seen.get(section.id) ?? 0) + 1;
    seen.set(section.id, count);
    return count === 1 ? section : { ...section, id: `${section.id}--${count}` };
  });
}

function keyFacts({ environment, recipe }: ReportData): { term: string; text: string }[] {
  const facts: [string, string | undefined][] = [
    ["recipe", recipe.preset],
    ["seed", String(environment.seed)],
    ["device", environment.device],
    ["version", environment.version],
    ["commit", environment.commit?.slice(0, 10)],
  ];
  return facts.flatMap(([term, text]) => (text === undefined ? [] : [{ term, text }]));
}

function intervalNote({ intervals }: ReportData): string | undefined {
  if (intervals === undefined) return undefined;
  const limits = intervals.limits === undefined ? "" : ` ${intervals.limits}`;
  return `Brackets: ${Number((intervals.level * 100).toPrecision(4))} % intervals, ${intervals.method}.${limits}`;
}
