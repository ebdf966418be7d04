/** The rows of an audit on disk: labels as they are trained on and judged, with the fold and the line of each. */

import { z } from "zod";
import { createRng } from "../../../base/core/rng.ts";
import { rowKind } from "../../../base/files/row-file.ts";
import { readPreferences } from "../../../method/data/load.ts";
import { unitOf } from "../../../method/data/normalise.ts";
import { textSchema } from "../../../method/data/text-schema.ts";
import { auditFolds, plantFlips } from "../../../method/labels/audit.ts";
import { withDialogues } from "../../../method/split/dialogues.ts";
import { encodableBy } from "../../job/encodable.ts";
import { type Digested, defineStage, type Ref, type Running } from "../../stages/define.ts";
import type { JobDeps } from "../../stages/deps.ts";
import type { Artefact } from "../../stages/stage.ts";
import { jsonFile, jsonlFile } from "../../stages/stage-file.ts";
import type { AuditRequest } from "./settings.ts";

const auditRowSchema = z.strictObject({
  id: z.string(),
  /** Where it stands; lines count from 1. */
  file: z.string(),
  line: z.number(),
  /** Rows of one group (one prompt, one dialogue) are in one fold. */
  group: z.string(),
  fold: z.number(),
  /** Its label was flipped on purpose: `chosen` is what the file calls rejected. */
  planted: z.boolean(),
  prompt: textSchema,
  chosen: textSchema,
  rejected: textSchema,
});

/** A labelled row under audit. */
export type AuditRow = z.output<typeof auditRowSchema>;

/** Rows under audit. */
export const AUDIT_ROWS = rowKind<AuditRow>({ what: "row under audit", schema: auditRowSchema });

/** What is known of the file. */
export type AuditDataFacts = z.output<typeof factsSchema>;
const factsSchema = z.object({
  format: z.string(),
  records: z.number(),
  rows: z.number(),
  ties: z.number(),
  badRows: z.number(),
  prompts: z.number(),
});

/** The stage that reads the rows, and its file of them. */
export const AUDIT_ROWS_STAGE = "audit-data";
/** One row a line. */
export const AUDIT_ROWS_FILE = "rows.jsonl";
const ROWS = jsonlFile(AUDIT_ROWS_FILE, AUDIT_ROWS);
const FACTS = jsonFile("facts.json", factsSchema);

type Reading = Running<
  Pick<AuditRequest, "read" | "folds" | "seed"> & { readonly plant: number | null },
  { readonly file: Digested<AuditRequest["file"]>; readonly reader: Ref }
>;

const reading = defineStage({
  version: 5,
  async run({ work, config: { read, folds, seed, plant }, inputs, tools: { log } }: Reading) {
    const { check } = await encodableBy([inputs.reader.folder]);
    const how = { ...read, seed, log, check };
    const { rows, ties, placeOf, report } = await readPreferences(inputs.file.value, how);
    const groups = withDialogues(rows).map(unitOf);
    const foldOf = auditFolds(groups, folds, seed);
    // Sides are named by what the file prefers: "a" is its chosen response.
    const sides = rows.map(({ id }) => ({ id, human: "a" as const }));
    const flipped = plant === null ? new Set<string>() : plantFlips(sides, plant, createRng(seed)).flipped;
    const judged = rows.map(({ id, prompt, chosen, rejected }, i): AuditRow => {
      const planted = flipped.has(id);
      const [up, down] = planted ? [rejected, chosen] : [chosen, rejected];
      const place = { ...placeOf.get(id)!, group: groups[i]!, fold: foldOf[i]! };
      return { id, ...place, planted, prompt, chosen: up, rejected: down };
    });
    await ROWS.write(work, judged);
    await FACTS.write(work, {
      format: report.format,
      records: report.records,
      rows: rows.length,
      ties: ties.length,
      badRows: report.bad.length,
      prompts: new Set(groups).size,
    });
  },
});

/** Reads the file, flips what is to be planted, draws the folds. */
export async function auditDataStage(deps: JobDeps, request: AuditRequest): Promise<Artefact> {
  const { file, digest, read, folds, seed, plant, model } = request;
  const encodable = await encodableBy([model.source]);
  return reading(deps, {
    name: AUDIT_ROWS_STAGE,
    config: { read, folds, seed, plant: plant ?? null },
    inputs: {
      file: { value: file, source: digest },
      // Which rows are read depends on what the model's tokenizer and template take.
      reader: { folder: model.source, source: encodable.digest },
    },
  });
}

/** What is known of their file. */
export const readAuditDataFacts = (data: Artefact): Promise<AuditDataFacts> => FACTS.read(data);

/** The rows back. */
export const readAuditRows = (data: Artefact): Promise<readonly AuditRow[]> => ROWS.read(data);
