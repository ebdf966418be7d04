/** The rows of an audit on disk: labels as they are trained on and judged, with the fold and the line of each. */
import { DataError } from "../../../base/core/errors.ts";
import { writeFileAtomic, writeJsonAtomic } from "../../../base/core/files.ts";
import { createRng } from "../../../base/core/rng.ts";
import { readJsonl } from "../../../base/files/jsonl.ts";
import { jsonLines } from "../../../method/data/json-lines.ts";
import { readPreferences } from "../../../method/data/load.ts";
import { unitOf } from "../../../method/data/normalise.ts";
import type { PreferenceRow } from "../../../method/data/rows.ts";
import { auditFolds, plantFlips } from "../../../method/labels/audit.ts";
import { withDialogues } from "../../../method/split/dialogues.ts";
import { encodableBy } from "../../job/encodable.ts";
import type { JobDeps } from "../../stages/deps.ts";
import type { Artefact } from "../../stages/stage.ts";
import type { AuditRequest } from "./settings.ts";

/** A labelled row under audit. */
export type AuditRow = PreferenceRow & {
  /** Where it stands; lines count from 1. */
  readonly file: string;
  readonly line: number;
  /** Rows of one group (one prompt, one dialogue) are in one fold. */
  readonly group: string;
  readonly fold: number;
  /** Its label was flipped on purpose: `chosen` is what the file calls rejected. */
  readonly planted: boolean;
};

const ROWS = "rows.jsonl";

/** What is known of the file. */
export type AuditDataFacts = {
  readonly format: string;
  readonly records: number;
  readonly rows: number;
  readonly ties: number;
  readonly badRows: number;
  readonly prompts: number;
};

/** Reads the file, flips what is to be planted, draws the folds. */
export async function auditDataStage(deps: JobDeps, request: AuditRequest): Promise<Artefact> {
  const { file, digest, read, folds, seed, plant } = request;
  return deps.pipeline.stage({
    name: "audit-data",
    version: 4,
    config: { read, folds, seed, plant: plant ?? null },
    inputs: { file: digest },
    run: async (work) => {
      const { check } = await encodableBy([request.model.from]);
      const { rows, ties, placeOf, report } = await readPreferences(file, {
        ...read,
        seed,
        log: deps.log,
        check,
      });
      const groups = withDialogues(rows).map(unitOf);
      const foldOf = auditFolds(groups, folds, seed);
      // Sides are named by what the file prefers: "a" is its chosen response.
      const sides = rows.map(({ id }) => ({ id, human: "a" as const }));
      const flipped =
        plant === undefined ? new Set<string>() : plantFlips(sides, plant, createRng(seed)).flipped;
      const judged = rows.map(({ id, prompt, chosen, rejected }, i): AuditRow => {
        const planted = flipped.has(id);
        const [up, down] = planted ? [rejected, chosen] : [chosen, rejected];
        return {
          id,
          ...placeOf.get(id)!,
          group: groups[i]!,
          fold: foldOf[i]!,
          planted,
          prompt,
          chosen: up,
          rejected: down,
        };
      });
      await writeFileAtomic(work.path(ROWS), jsonLines(judged));
      const facts: AuditDataFacts = {
        format: report.format,
        records: report.records,
        rows: rows.length,
        ties: ties.length,
        badRows: report.bad.length,
        prompts: new Set(groups).size,
      };
      await writeJsonAtomic(work.path("facts.json"), facts);
    },
  });
}

/** The rows back. */
export async function readAuditRows(data: Artefact): Promise<AuditRow[]> {
  const file = data.path(ROWS);
  const rows: AuditRow[] = [];
  for await (const record of readJsonl(file)) {
    if ("problem" in record) throw new DataError(file, record.line, record.problem);
    // Written by the stage above, under a digest.
    rows.push(record.value as AuditRow);
  }
  return rows;
}
