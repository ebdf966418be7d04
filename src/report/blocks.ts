/** What a section of a report is made of; `page/` and `markdown.ts` print these. */
import type { DisagreementExample, ReportFigure, ReportTable, ReportWarning } from "./data.ts";
import type { GlossaryTerm } from "./glossary.ts";

/** A piece of a section. Text is plain text: whoever prints it escapes it. */
export type Block =
  | { type: "heading"; text: string }
  | { type: "text"; text: string; strong?: boolean }
  | { type: "list"; items: string[] }
  | { type: "facts"; items: { term: string; text: string }[] }
  | { type: "table"; table: ReportTable }
  /** `small`: three to a row; `tabulated`: the numbers stand in a table of the same section */
  | { type: "figures"; figures: ReportFigure[]; small?: boolean; tabulated?: boolean }
  | { type: "code"; text: string; language: string; summary: string }
  | { type: "examples"; examples: DisagreementExample[] };

/** A part of the report with a title and an anchor; `terms` are explained in the glossary. */
export type Section = { id: string; title: string; blocks: Block[]; terms?: GlossaryTerm[] };

/** The whole report, ready to be printed. */
export type ReportDocument = {
  title: string;
  runId: string;
  facts: { term: string; text: string }[];
  summary?: string | undefined;
  headline: string[];
  intervalNote?: string | undefined;
  warnings: ReportWarning[];
  sections: Section[];
};
