/** An audit's folder as `audit` leaves it, written in a moment: so many suspects, each the k-th likeliest error. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** One suspect: its text says which response the file prefers, and whether that is right. */
export type TinySuspect = {
  readonly id: string;
  readonly line: number;
  readonly wrong: boolean;
  readonly planted: boolean;
};

/** Of twelve: every third label is wrong, the fifth was planted. Lines go down as suspicion does. */
export const tinySuspects = (count: number): TinySuspect[] =>
  Array.from({ length: count }, (_, k) => ({
    id: `s${k}`,
    line: 100 - k,
    wrong: k % 3 === 0,
    planted: k === 4,
  }));

/** The texts of a suspect; the response that people find better says "good". */
export function textsOf({ id, wrong }: TinySuspect) {
  const [good, poor] = [
    `good answer to ${id} <img src=x onerror=window.pwned=1>`,
    `poor answer to ${id}\u202e hidden`,
  ];
  return {
    prompt: `question ${id}`,
    chosen: wrong ? poor : good,
    rejected: wrong ? good : poor,
  };
}

/** Writes the folder. @returns its path */
export async function writeTinyAudit(folder: string, suspects: readonly TinySuspect[]): Promise<string> {
  const out = join(folder, "an-audit");
  const stage = join(out, "stages", "audit-data-0123456789ab");
  await mkdir(stage, { recursive: true });
  const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  // The audit judges a planted label the other way round.
  const judged = (suspect: TinySuspect) => {
    const { prompt, chosen, rejected } = textsOf(suspect);
    return suspect.planted ? { prompt, chosen: rejected, rejected: chosen } : { prompt, chosen, rejected };
  };
  const rows = suspects.map((suspect, k) => ({
    ...{ id: suspect.id, file: "pairs.jsonl", line: suspect.line, planted: suspect.planted },
    ...{ probability_wrong: 0.9 - k / 100, margin: k / 100 - 2, ...judged(suspect) },
  }));
  await writeFile(join(out, "suspects.jsonl"), lines(rows));
  await writeFile(join(out, "audit.json"), "{}\n");
  await writeFile(
    join(stage, "rows.jsonl"),
    lines(
      [...rows]
        .sort((x, y) => x.line - y.line)
        .map(({ probability_wrong: _, margin: __, ...row }) => ({ ...row, group: row.id, fold: 0 })),
    ),
  );
  const artefacts = [{ name: "audit-data", path: "stages/audit-data-0123456789ab", digest: "0" }];
  await writeFile(join(out, "report.json"), JSON.stringify({ artefacts }));
  await writeFile(join(out, "report.html"), "<!doctype html><title>the audit's report</title>");
  return out;
}
