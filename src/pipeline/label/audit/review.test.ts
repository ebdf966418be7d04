import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTable } from "../../../../test/helpers/read-table.ts";
import { textsOf, tinySuspects, writeTinyAudit } from "../../../../test/helpers/tiny-audit.ts";
import { type ReviewEvent, standingReviews } from "../../../method/labels/audit-reviews.ts";
import { openReviewBook, suspectsToReview, writeCorrected, writeReviews } from "./review.ts";

let folder: string;
let audit: string;
const suspects = tinySuspects(12);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-review-"));
  audit = await writeTinyAudit(folder, suspects);
});
afterAll(() => rm(folder, { recursive: true }));

const at = "2026-11-30T08:00:00.000Z";
const decide = (id: string, decision: "keep" | "flip" | "tie" | "drop"): ReviewEvent[] => [
  { kind: "judged", uuid: crypto.randomUUID(), at, id, judged: "chosen", left: "rejected", ms: 5 },
  { kind: "decided", uuid: crypto.randomUUID(), at, id, decision },
];

test("suspects come as the file has them: of a planted flip the label and its probability are turned back", async () => {
  const read = await suspectsToReview(audit);
  expect(read.map(({ id }) => id)).toEqual(suspects.map(({ id }) => id));
  for (const [k, { texts, probabilityWrong, planted }] of read.entries()) {
    expect(texts).toEqual(textsOf(suspects[k]!));
    expect(probabilityWrong).toBeCloseTo(planted ? 1 - (0.9 - k / 100) : 0.9 - k / 100, 12);
  }
});

test("a corrected copy has the decisions in it, in the file's order, and planted flips taken back", async () => {
  const book = await openReviewBook(audit, "anna");
  await book.append([
    ...[...decide("s0", "flip"), ...decide("s1", "tie"), ...decide("s2", "drop"), ...decide("s3", "keep")],
    ...decide("s4", "flip"),
  ]);
  const standing = standingReviews(book.events);
  await book.close();
  const { file, ...counts } = await writeCorrected(audit, "anna", standing);
  expect(counts).toEqual({ rows: 10, flipped: 2, ties: 1, dropped: 1 });
  const rows = await readTable(file);
  const expected = suspects
    .filter(({ id }) => id !== "s1" && id !== "s2")
    .toSorted((x, y) => x.line - y.line)
    .map((suspect) => {
      const { prompt, chosen, rejected } = textsOf(suspect);
      const isFlipped = suspect.id === "s0" || suspect.id === "s4";
      return {
        id: suspect.id,
        prompt,
        ...(isFlipped ? { chosen: rejected, rejected: chosen } : { chosen, rejected }),
      };
    });
  expect(rows).toEqual(expected);
  const reviews = await readTable(await writeReviews(audit, "anna", await suspectsToReview(audit), standing));
  expect(reviews.map(({ id, decision, line, blind }) => [id, decision, line, blind])).toEqual([
    ...[
      ["s0", "flip", 100, true],
      ["s1", "tie", 99, true],
      ["s2", "drop", 98, true],
    ],
    ...[
      ["s3", "keep", 97, true],
      ["s4", "flip", 96, true],
    ],
  ]);
});

test("without the rows that were audited a copy is refused with what to do; a report leads to no other folder", async () => {
  const none = standingReviews([]);
  const report = join(audit, "report.json");
  const text = await readFile(report, "utf8");
  await writeFile(join(folder, "rows.jsonl"), '{"id":"x"}\n');
  await writeFile(report, text.replace("stages/audit-data-0123456789ab", "../.."));
  await expect(writeCorrected(audit, "anna", none)).rejects.toThrow("Run the audit again with this --out");
  await rm(report);
  await expect(writeCorrected(audit, "anna", none)).rejects.toThrow(
    "the pairs that were audited are not here",
  );
  await writeFile(report, text);
});
