/**
 * The pairs that arms learn from, the same for all: pairs of which a response is cut, empty or the same as the other, for a teacher or
 * for the student, are left out of the pool before any arm sees it. A teacher that ties or abstains for reasons of its own is another
 * matter: its arm has fewer pairs then, and the report says so.
 */

import { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { encodePair, type TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { HUMAN_LABELS, HUMAN_LABELS_FILE } from "../../method/data/human-labels.ts";
import { readPool, writePoolFile } from "../../method/data/pool.ts";
import type { CandidatePair } from "../../method/data/rows.ts";
import { GOLD_PAIRS } from "../../method/split/world.ts";
import { readScores } from "../../method/teacher/scores-folder.ts";
import { labelFlags } from "../../method/teacher/teacher.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { defineStage, type Ref, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonFile } from "../stages/stage-file.ts";
import {
  copyLabelled,
  GOLD_FILE,
  poolFolder,
  readHidden,
  readHiddenGold,
  readLabelled,
} from "./data-files.ts";
import type { MemberScores } from "./member-scores.ts";

/** Why a pair is no evidence for whoever reads it; not-a-number scores are the teacher's own doing. */
const UNUSABLE = ["truncated", "empty", "identical"] as const;
type Reason = (typeof UNUSABLE)[number];
const WORDS: Readonly<Record<Reason, string>> = {
  truncated: "a response is cut at the length limit",
  empty: "a response is empty",
  identical: "both responses are the same",
};

/** What was left out; a pair may have several reasons. */
export type ArmPairsFacts = z.output<typeof factsSchema>;
const factsSchema = z.object({
  pool: z.number(),
  kept: z.number(),
  left: z.array(z.object({ reason: z.string(), pairs: z.number() })).readonly(),
  /** Labelled pairs that arms do not learn from either, by what the student reads. */
  labelledLeft: z.array(z.string()).readonly(),
});

const FACTS = jsonFile("arm-pairs.json", factsSchema, 2 ** 31);

type Pairing = Running<
  { readonly limits: TokenLimits },
  { readonly data: Artefact; readonly student: Ref; readonly scores: readonly Artefact[] }
>;

const pairing = defineStage({
  version: 1,
  async run({ work, config: { limits }, inputs: { data, student, scores } }: Pairing) {
    const pool = await readPool(poolFolder(data));
    const reasons = new Reasons();
    for (const pool of scores)
      for await (const { id, flags } of readScores(pool.path("scores")))
        reasons.add(id, flags, "the teacher");
    const tokenizer = await loadTokenizer(student.folder);
    for (const pair of pool) reasons.add(pair.id, flagsOf(tokenizer, pair, limits), "the student");
    const kept = pool.filter(({ id }) => !reasons.of.has(id));
    if (kept.length === 0)
      throw new DataError(
        "arms",
        0,
        `none of the ${pool.length} unlabelled pairs can be learned from: ${reasons
          .counts()
          .map(({ reason, pairs }) => `${reason} in ${pairs}`)
          .join("; ")}. Raise data.max_length, or give shorter pairs.`,
      );
    const ids = new Set(kept.map(({ id }) => id));
    const inKept = <Row extends { readonly id: string }>(rows: readonly Row[]) =>
      rows.filter(({ id }) => ids.has(id));
    await writePoolFile(work.path("pool"), kept);
    const human = inKept(await readHidden(data));
    if (human.length > 0) await HUMAN_LABELS.write(work.path("hidden", HUMAN_LABELS_FILE), human);
    const gold = inKept(await readHiddenGold(data));
    if (gold.length > 0) await GOLD_PAIRS.write(work.path("hidden", GOLD_FILE), gold);
    await copyLabelled(data, work);
    const labelled = (await readLabelled(data)).filter(({ prompt, chosen, rejected, id }) =>
      isUnusable(flagsOf(tokenizer, { id, prompt, a: chosen, b: rejected }, limits)),
    );
    await FACTS.write(work, {
      pool: pool.length,
      kept: kept.length,
      left: reasons.counts(),
      labelledLeft: labelled.map(({ id }) => id),
    });
  },
});

/** Makes the data of arms: the pool, and what is hidden of it, without the pairs that somebody cannot use. */
export const armPairsStage = (
  deps: JobDeps,
  { limits }: MainJob,
  {
    data,
    scores,
    base: student,
  }: { readonly data: Artefact; readonly scores: readonly MemberScores[]; readonly base: Ref },
): Promise<Artefact> =>
  pairing(deps, {
    name: "arm-pairs",
    config: { limits },
    inputs: { data, student, scores: scores.map(({ pool }) => pool) },
  });

/** What was left out; nothing where the data is not of this stage. */
export const readArmPairs = (data: Artefact): Promise<ArmPairsFacts | undefined> => FACTS.readIfThere(data);

const flagsOf = (tokenizer: Tokenizer, pair: CandidatePair, limits: TokenLimits) =>
  labelFlags(encodePair(tokenizer, pair, limits).flags);

const isUnusable = (flags: readonly string[]) => UNUSABLE.some((reason) => flags.includes(reason));

/** Reasons against pairs, and who has them. */
class Reasons {
  readonly of = new Map<string, Map<Reason, Set<string>>>();

  add(id: string, flags: readonly string[], who: string): void {
    for (const reason of UNUSABLE) {
      if (!flags.includes(reason)) continue;
      const all = this.of.get(id) ?? new Map<Reason, Set<string>>();
      all.set(reason, (all.get(reason) ?? new Set()).add(who));
      this.of.set(id, all);
    }
  }

  counts(): ArmPairsFacts["left"] {
    const counts = new Map<string, number>();
    for (const reasons of this.of.values())
      for (const [reason, who] of reasons) {
        // Empty and equal texts are so for everybody; cut ones for those whose tokens are too many.
        const words =
          reason === "truncated" ? `${WORDS[reason]} for ${[...who].join(" and ")}` : WORDS[reason];
        counts.set(words, (counts.get(words) ?? 0) + 1);
      }
    return [...counts].map(([reason, pairs]) => ({ reason, pairs }));
  }
}
