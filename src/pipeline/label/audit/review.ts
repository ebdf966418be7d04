/** Reviews of an audit on disk: the suspects as a person goes through them, what was decided as a file, and on request the data with the decisions in it. */
import { basename, join } from "node:path";
import { z } from "zod";
import { ConfigError } from "../../../base/core/errors.ts";
import { exists, readJson, writeFileAtomic } from "../../../base/core/files.ts";
import { jsonLines } from "../../../base/files/json-lines.ts";
import type { Text } from "../../../method/data/rows.ts";
import {
  type ReviewEvent,
  type ReviewedSuspect,
  type ReviewsStanding,
  reviewEventSchema,
} from "../../../method/labels/audit-reviews.ts";
import { type EventBook, openEventBook } from "../event-book.ts";
import { AUDIT_FILES, SUSPECTS, type SuspectRow } from "./judge.ts";
import { AUDIT_ROWS, AUDIT_ROWS_FILE, AUDIT_ROWS_STAGE, type AuditRow } from "./rows.ts";

/** A suspect to be reviewed. `chosen` is what the file calls so, also where the audit judged a planted flip. */
export type SuspectToReview = ReviewedSuspect & {
  readonly file: string;
  readonly line: number;
  readonly texts: { readonly prompt: Text; readonly chosen: Text; readonly rejected: Text };
};

/** So many suspects are read, likeliest errors first: nobody goes through more, and they are kept in memory. */
export const MOST_REVIEWED = 10_000;

/** The likeliest errors of an audit, in their order. @throws DataError for a damaged file */
export async function suspectsToReview(folder: string): Promise<SuspectToReview[]> {
  const suspects: SuspectToReview[] = [];
  for await (const suspect of SUSPECTS.stream(join(folder, AUDIT_FILES.suspects))) {
    suspects.push(toReview(suspect));
    if (suspects.length === MOST_REVIEWED) break;
  }
  return suspects;
}

function toReview({
  id,
  file,
  line,
  probability_wrong,
  planted = false,
  ...texts
}: SuspectRow): SuspectToReview {
  const { prompt, chosen, rejected } = texts;
  return {
    ...{ id, file, line, planted, prompt: JSON.stringify(prompt) },
    probabilityWrong: planted ? 1 - probability_wrong : probability_wrong,
    texts: planted ? { prompt, chosen: rejected, rejected: chosen } : { prompt, chosen, rejected },
  };
}

/** A person's book of reviews. @throws as `openEventBook` */
export const openReviewBook = (folder: string, person: string): Promise<EventBook<ReviewEvent>> =>
  openEventBook(join(folder, "reviews", `${person}.jsonl`), { schema: reviewEventSchema, what: "reviews" });

/**
 * Writes what a person decided, one suspect a line in the order of suspicion: `reviews-<person>.jsonl`, made anew of the events each time.
 * @returns the file
 */
export async function writeReviews(
  folder: string,
  person: string,
  suspects: readonly SuspectToReview[],
  { judged, decided, seen }: ReviewsStanding,
): Promise<string> {
  const out = join(folder, `reviews-${person}.jsonl`);
  const rows = suspects.flatMap(({ id, file, line, planted, probabilityWrong }) => {
    const judgement = judged.get(id);
    if (judgement === undefined) return [];
    return [
      {
        ...{ id, file, line, decision: decided.get(id)?.decision ?? null, judged: judgement.judged },
        ...{ blind: !seen.has(id), probability_wrong: probabilityWrong, ...(planted ? { planted } : {}) },
      },
    ];
  });
  await writeFileAtomic(out, jsonLines(rows));
  return out;
}

/** A corrected copy: what was written where, and what is not in it. */
export type CorrectedCopy = {
  readonly file: string;
  readonly rows: number;
  readonly flipped: number;
  /** Left out by decision: ties, which this shape has no word for, and dropped pairs. */
  readonly ties: number;
  readonly dropped: number;
};

/**
 * Writes the audited pairs with a person's decisions in them, as `{id, prompt, chosen, rejected}` in the order of the file, to
 * `corrected-<person>.jsonl`. The source is neither changed nor opened: the pairs are those that the audit read. Planted flips are taken back.
 * @throws ConfigError when the audit's stages are not there any more
 */
export async function writeCorrected(
  folder: string,
  person: string,
  { decided }: Pick<ReviewsStanding, "decided">,
): Promise<CorrectedCopy> {
  const counts = { rows: 0, flipped: 0, ties: 0, dropped: 0 };
  const from = await rowsFile(folder);
  const correct = ({ id, planted, prompt, chosen, rejected }: AuditRow): object[] => {
    const decision = decided.get(id)?.decision ?? "keep";
    if (decision === "tie") counts.ties++;
    else if (decision === "drop") counts.dropped++;
    if (decision === "tie" || decision === "drop") return [];
    counts.rows++;
    counts.flipped += Number(decision === "flip");
    const isTurned = (decision === "flip") !== planted;
    return [{ id, prompt, chosen: isTurned ? rejected : chosen, rejected: isTurned ? chosen : rejected }];
  };
  const file = join(folder, `corrected-${person}.jsonl`);
  await writeFileAtomic(
    file,
    (async function* () {
      for await (const row of AUDIT_ROWS.stream(from)) yield* jsonLines(correct(row));
    })(),
  );
  return { file, ...counts };
}

const reportSchema = z.looseObject({
  artefacts: z.array(z.looseObject({ name: z.string(), path: z.string() })),
});

/** The rows that this judgement was made of: a folder may hold those of other settings, too. */
async function rowsFile(folder: string): Promise<string> {
  const report = join(folder, "report.json");
  const parsed = reportSchema.safeParse((await exists(report)) ? await readJson(report) : undefined);
  const stage = parsed.data?.artefacts.find(({ name }) => name === AUDIT_ROWS_STAGE);
  // By its name alone: a report that was tampered with leads nowhere else.
  const file = stage && join(folder, "stages", basename(stage.path), AUDIT_ROWS_FILE);
  if (file === undefined || !(await exists(file)))
    throw new ConfigError(
      `${folder}: the pairs that were audited are not here (report.json and stages/${AUDIT_ROWS_STAGE}-…). Run the audit again with this --out; reviews are kept.`,
    );
  return file;
}
