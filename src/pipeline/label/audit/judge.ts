/** The judgement of an audit: out-of-fold scores of all folds become ranked suspects, an estimate of the noise, and figures. */

import { z } from "zod";
import { writeFileAtomic } from "../../../base/core/files.ts";
import { createRng } from "../../../base/core/rng.ts";
import { jsonLines } from "../../../base/files/json-lines.ts";
import { rowKind } from "../../../base/files/row-file.ts";
import { intervalSchema } from "../../../base/stats/check.ts";
import { logistic } from "../../../base/stats/special.ts";
import { toCandidates } from "../../../method/data/candidates.ts";
import { textSchema } from "../../../method/data/text-schema.ts";
import {
  type AuditedPair,
  type AuditScore,
  auditLabels,
  auditScoreSchema,
  type Suspect,
  scoreAudit,
} from "../../../method/labels/audit.ts";
import {
  type CalibrationReport,
  calibrationReport,
  calibrationReportSchema,
} from "../../../method/labels/calibration-report.ts";
import { isDecided } from "../../../method/labels/label.ts";
import { labelsOf } from "../../../method/labels/plan-labels.ts";
import { fitForm } from "../../../method/teacher/score-form.ts";
import { readScores } from "../../../method/teacher/scores-folder.ts";
import { defineStage, type Running } from "../../stages/define.ts";
import type { JobDeps } from "../../stages/deps.ts";
import type { Artefact } from "../../stages/stage.ts";
import { jsonFile } from "../../stages/stage-file.ts";
import { type AuditRow, readAuditRows } from "./rows.ts";
import type { AuditRequest } from "./settings.ts";

/** Files of the judgement. */
export const AUDIT_FILES = { suspects: "suspects.jsonl", audit: "audit.json" } as const;

/** What `audit.json` holds. */
const auditFactsSchema = z.object({
  /** Labels judged, and those of pairs of which no label can be made (truncated, empty, identical, equal scores). */
  judged: z.number(),
  notJudged: z.number(),
  folds: z.number(),
  teacher: z.string(),
  calibration: z.string(),
  /** Share of labels that the out-of-fold teacher disagrees with. */
  disagreement: intervalSchema.nullable(),
  /** What confident learning counts as wrong, as a share; neither the share of wrong labels nor a bound of it. */
  noiseRate: intervalSchema.nullable(),
  /** The same among the fifth of the pairs that the teacher is surest of. */
  disagreementAmongSure: intervalSchema.nullable(),
  meanProbabilityWrong: z.number(),
  reliability: calibrationReportSchema,
  /** Where labels were flipped on purpose. */
  plant: auditScoreSchema.extend({ rate: z.number() }).nullable(),
});
const FACTS = jsonFile(AUDIT_FILES.audit, auditFactsSchema);

/** What `audit.json` holds. */
export type AuditFacts = z.output<typeof auditFactsSchema>;

const suspectSchema = z.strictObject({
  id: z.string(),
  file: z.string(),
  line: z.number(),
  /** Calibrated probability that the label is wrong, in [0, 1]. */
  probability_wrong: z.number().min(0).max(1),
  /** Teacher's score of chosen minus rejected: below 0 it disagrees with the label. */
  margin: z.number(),
  planted: z.boolean().optional(),
  prompt: textSchema,
  chosen: textSchema,
  rejected: textSchema,
});

/** One line of `suspects.jsonl`, likeliest error first. */
export type SuspectRow = z.output<typeof suspectSchema>;

/** Suspects of an audit. */
export const SUSPECTS = rowKind<SuspectRow>({
  what: "suspect of an audit",
  schema: suspectSchema,
  fix: "Run the audit again.",
});

/** Judges the labels; trains and scores nothing. */
export function auditVerdictStage(
  deps: JobDeps,
  { calibration, seed, teacher: { kind, form }, plant }: AuditRequest,
  data: Artefact,
  folds: readonly Artefact[],
): Promise<Artefact> {
  const config = { calibration, seed, kind, form, plant: plant ?? null };
  return judging(deps, { name: "audit", config, inputs: { data, folds } });
}

type JudgingConfig = Pick<AuditRequest, "calibration" | "seed"> &
  Pick<AuditRequest["teacher"], "kind" | "form"> & { readonly plant: number | null };

const judging = defineStage({
  version: 8,
  async run({
    work,
    config,
    inputs: { data, folds },
  }: Running<JudgingConfig, { readonly data: Artefact; readonly folds: readonly Artefact[] }>) {
    const { calibration, seed, kind, plant } = config;
    const rows = await readAuditRows(data);
    const pairs = await auditedPairs(config, rows, folds);
    const rng = createRng(seed).fork("audit");
    const { ranked, ...report } = auditLabels(pairs, { rng, method: calibration });
    const byId = new Map(rows.map((row) => [row.id, row]));
    const lines = ranked.map((suspect) => suspectRow(suspect, byId.get(suspect.id)!, plant !== null));
    await writeFileAtomic(work.path(AUDIT_FILES.suspects), jsonLines(lines));
    const facts: AuditFacts = {
      judged: pairs.length,
      notJudged: rows.length - pairs.length,
      folds: folds.length,
      teacher: kind,
      calibration,
      disagreement: report.disagreement,
      noiseRate: report.noiseRate,
      disagreementAmongSure: report.disagreementAmongSure,
      meanProbabilityWrong: report.meanProbabilityWrong,
      reliability: reliabilityOf(ranked, seed),
      plant: plant === null ? null : { rate: plant, ...foundOf(ranked, rows, seed) },
    };
    await FACTS.write(work, facts);
  },
});

/** Every row's out-of-fold margin beside its label; a and b were drawn when it was scored. */
async function auditedPairs(
  { form: asked, seed }: JudgingConfig,
  rows: readonly AuditRow[],
  scores: readonly Artefact[],
): Promise<AuditedPair[]> {
  const human = new Map(toCandidates(rows, seed).humanLabels.map(({ id, preferred }) => [id, preferred]));
  const groupOf = new Map(rows.map(({ id, group }) => [id, group]));
  const pairs: AuditedPair[] = [];
  for (const fold of scores) {
    const folder = fold.path("scores");
    const form = await fitForm(asked, readScores(folder));
    for (const label of await labelsOf(readScores(folder), { form, teacher: fold.stage })) {
      const said = human.get(label.id);
      if (isDecided(label) && (said === "a" || said === "b"))
        pairs.push({ id: label.id, group: groupOf.get(label.id)!, margin: label.margin, human: said });
    }
  }
  return pairs;
}

function suspectRow(
  { margin, human, probabilityWrong }: Suspect,
  row: AuditRow,
  plants: boolean,
): SuspectRow {
  return {
    id: row.id,
    file: row.file,
    line: row.line,
    probability_wrong: probabilityWrong,
    margin: human === "a" ? margin : -margin,
    ...(plants ? { planted: row.planted } : {}),
    prompt: row.prompt,
    chosen: row.chosen,
    rejected: row.rejected,
  };
}

/** Stated against true agreement with the labels; "before" reads margins as Bradley-Terry log-odds. */
function reliabilityOf(ranked: readonly Suspect[], seed: number): CalibrationReport {
  const probabilityA = ({ human, probabilityWrong }: Suspect) =>
    human === "a" ? 1 - probabilityWrong : probabilityWrong;
  return calibrationReport(
    ranked.map(({ margin }) => logistic(margin)),
    ranked.map(probabilityA),
    ranked.map(({ human }) => human === "a"),
    { rng: createRng(seed).fork("audit-reliability"), groups: ranked.map(({ group }) => group) },
  );
}

function foundOf(ranked: readonly Suspect[], rows: readonly AuditRow[], seed: number): AuditScore {
  const flipped = new Set(rows.filter(({ planted }) => planted).map(({ id }) => id));
  const judged = ranked.filter(({ id }) => flipped.has(id)).length;
  const ks = [judged, 50, 100].filter((k) => k > 0).sort((x, y) => x - y);
  return scoreAudit(ranked, flipped, { rng: createRng(seed).fork("audit-plant"), ks });
}

/** The figures back. */
export const readAuditFacts = (judged: Artefact): Promise<AuditFacts> => FACTS.read(judged);

/** The suspects back, likeliest first. */
export const readSuspects = (judged: Artefact): Promise<SuspectRow[]> =>
  SUSPECTS.read(judged.path(AUDIT_FILES.suspects));
