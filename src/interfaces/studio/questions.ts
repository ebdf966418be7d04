/** A folder of questions as `ask` wrote it. */
import { join } from "node:path";
import { z } from "zod";
import { exists, readText } from "../../base/core/files.ts";
import { rowReader } from "../../base/files/row-file.ts";
import { plainText, type Text } from "../../method/data/rows.ts";
import { textSchema } from "../../method/data/text-schema.ts";
import { DRAWS } from "../../method/labels/random-part.ts";
import type { ShownText } from "./protocol.ts";

const questionSchema = z.object({
  id: z.string(),
  drawn: z.enum(DRAWS).optional(),
  prompt: textSchema,
  response_a: textSchema,
  response_b: textSchema,
});

/** One question. What else the file says of it (how unsure the teacher was) is not read: no page may show it. */
export type AskedQuestion = z.infer<typeof questionSchema>;

const QUESTIONS = rowReader<AskedQuestion>({
  what: "question",
  schema: questionSchema,
  fix: "Ask again into this folder; answers are kept.",
});

/** A questions folder. `guidelines`: the text of `guidelines.md` in it, null without one. */
export type QuestionSet = {
  readonly questions: readonly AskedQuestion[];
  readonly guidelines: string | null;
};

/** @throws DataError for a line that is no question */
export async function readQuestions(folder: string): Promise<QuestionSet> {
  const file = join(folder, "questions.jsonl");
  const questions = await QUESTIONS.read(file);
  const rules = join(folder, "guidelines.md");
  return { questions, guidelines: (await exists(rules)) ? await readText(rules, 2 ** 20) : null };
}

/** A text as the page gets it: roles and what was said, nothing else of a message. */
export const shownText = (given: Text): ShownText =>
  typeof given === "string" ? given : given.map((turn) => ({ role: turn.role, content: plainText([turn]) }));
