/** Which models' tokenizers and templates rows must suit: those of all models that will read them as they are. */
import { digestOf } from "../../base/core/digest.ts";
import { STORIES } from "../../engine/checkpoint/stories15m.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { encodableCheck, type PairCheck } from "../../method/data/encodable.ts";
import { readersOf, type TeacherChoice } from "../../method/teacher/choice.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { membersOf } from "../recipe/teacher-settings.ts";

/** A check of rows, and what it depends on. */
export type Encodable = { readonly check: PairCheck | undefined; readonly digest: string };

/** No reader, no objection. */
export const ANYTHING: Encodable = { check: undefined, digest: "" };

/** Tokenizers of model folders. The built-in model takes any text, and no conversation, which it says itself. */
const tokenizersOf = (folders: readonly string[]): Promise<Tokenizer[]> =>
  Promise.all([...new Set(folders)].filter((folder) => folder !== STORIES).map(loadTokenizer));

/** The check that models take a row. @throws CheckpointError for a bad tokenizer */
export const encodableBy = async (folders: readonly string[]): Promise<Encodable> =>
  encodableWith(await tokenizersOf(folders));

function encodableWith(tokenizers: readonly Tokenizer[]): Encodable {
  const digests = tokenizers.map(({ digest, chatTemplate }) => [digest, chatTemplate?.digest ?? null]);
  return { check: encodableCheck(tokenizers), digest: digestOf(digests) };
}

/** Reward models without a template, as encoders are, read conversations as plain text. */
const withTemplate = async (folders: readonly string[]) =>
  (await tokenizersOf(folders)).filter(({ chatTemplate }) => chatTemplate !== undefined);

/** The check that a reward model takes a row. @throws CheckpointError for a bad tokenizer */
export const rewardModelEncodable = async (folder: string): Promise<Encodable> =>
  encodableWith(await withTemplate([folder]));

/** The check of a job's rows: teachers, students, and reward models that are gold and have a template of their own. */
export async function jobEncodable({ teacher, seed, models, evaluation }: MainJob): Promise<Encodable> {
  const trained = [
    ...membersOf(teacher, seed, models.weak).map((member) => member.weak.source),
    models.student.source,
  ];
  const gold = evaluation.gold.flatMap((spec) =>
    spec.type === "reward-model" ? [spec.model] : spec.type === "reward-server" ? [spec.tokenizer] : [],
  );
  return encodableWith([...(await tokenizersOf(trained)), ...(await withTemplate(gold))]);
}

/** The check that a teacher takes a row; people and endpoints take any. */
export const teacherEncodable = (choice: TeacherChoice): Promise<Encodable> =>
  encodableBy(choice.kind === "remote" ? [choice.tokenizer] : readersOf(choice));
