/** What a person at a desk is asked: their part of the questions, or the pairs that people answered two ways. */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { exists, readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { type Deal, dealtTo } from "../../method/labels/answer-deal.ts";
import { type AnswersStanding, standingAnswers } from "../../method/labels/answer-events.ts";
import { planFor } from "../../method/labels/answer-plan.ts";
import { isDisputed, type SharedAnswer, sharedAnswers } from "../../method/labels/several-answers.ts";
import { readAnswerBook } from "../../pipeline/label/answer-book.ts";
import type { DeskWork } from "./desk.ts";
import type { AskedQuestion } from "./questions.ts";

/** Folders of a folder of questions in which people's events are kept: answers, and what settles those that differ. */
const ANSWERED = "answers";
const SETTLED = "settled";

/** Answering: all questions, or those that are dealt to this person. */
export const answeringOf =
  (folder: string, person: string, deal: Deal | undefined) =>
  async (questions: readonly AskedQuestion[]): Promise<DeskWork> => ({
    file: join(folder, ANSWERED, `${person}.jsonl`),
    plan: planFor(person, await dealtIds(folder, person, { deal, questions, write: true })),
  });

/**
 * The ids that are a person's to answer. What was dealt is written down and stays theirs, in its order, whoever comes or goes: events that wait
 * in a browser name places in it. Where nothing was ever dealt nothing is written.
 */
export async function dealtIds(
  folder: string,
  person: string,
  how: {
    readonly deal: Deal | undefined;
    readonly questions: readonly AskedQuestion[];
    readonly write: boolean;
  },
): Promise<readonly string[]> {
  const ids = how.questions.map(({ id }) => id);
  const file = join(folder, ANSWERED, `${person}.dealt.json`);
  const before = (await exists(file)) ? dealtSchema.parse(await readJson(file)).ids : [];
  if (how.deal === undefined && before.length === 0) return ids;
  const [known, kept] = [new Set(ids), new Set(before)];
  const now = how.deal === undefined ? ids : dealtTo(person, how.deal, ids);
  const all = [...before.filter((id) => known.has(id)), ...now.filter((id) => !kept.has(id))];
  if (how.write && all.length > before.length) await writeJsonAtomic(file, { ids: all });
  return all;
}

const dealtSchema = z.object({ ids: z.array(z.string()) });

/** Settling: a pair that was answered two ways, unless another person has settled it. */
export const settlingOf =
  (folder: string, person: string) =>
  async (questions: readonly AskedQuestion[]): Promise<DeskWork> => ({
    file: join(folder, SETTLED, `${person}.jsonl`),
    // All questions, so that a place means one pair whatever people answer yet; those that are not wanted are passed over.
    plan: questions.map(({ id }) => ({ id, repeat: false })),
    wanted: async () => {
      const { shared, settlers } = await readShared(folder, questions);
      const others = [...settlers].filter(([name]) => name !== person).map(([, standing]) => standing);
      const isSettled = (id: string) => others.some(({ answers }) => answers.has(id));
      return new Set(shared.filter((one) => isDisputed(one) && !isSettled(one.id)).map(({ id }) => id));
    },
  });

/** All that people said of a folder of questions, and of those who settled: what stands, by their names. */
export async function readShared(
  folder: string,
  questions: readonly AskedQuestion[],
): Promise<{
  readonly people: ReadonlyMap<string, AnswersStanding>;
  readonly settlers: ReadonlyMap<string, AnswersStanding>;
  readonly shared: readonly SharedAnswer[];
}> {
  const people = await standingIn(join(folder, ANSWERED));
  const settlers = await standingIn(join(folder, SETTLED));
  return { people, settlers, shared: sharedAnswers(questions, people, settlers.values()) };
}

async function standingIn(folder: string): Promise<ReadonlyMap<string, AnswersStanding>> {
  const names = await readdir(folder).catch(() => []);
  const standing = new Map<string, AnswersStanding>();
  for (const name of names.filter((each) => each.endsWith(".jsonl")).sort())
    standing.set(basename(name, ".jsonl"), standingAnswers(await readAnswerBook(join(folder, name))));
  return standing;
}
