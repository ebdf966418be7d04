/** A folder of questions as `ask` wrote it. */
import { join } from "node:path";
import { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { exists, readText } from "../../base/core/files.ts";
import { readRecords } from "../../base/files/jsonl.ts";
import { plainText, type Text } from "../../method/data/rows.ts";
import { DRAWS } from "../../method/labels/random-part.ts";
import type { ShownText } from "./protocol.ts";

const message = z.looseObject({ role: z.string(), content: z.string() });
/** A text of a pair, or the turns of a conversation. */
export const textSchema = z.union([z.string(), z.array(message)]);
const questionSchema = z.object({
  id: z.string(),
  drawn: z.enum(DRAWS).optional(),
  prompt: textSchema,
  response_a: textSchema,
  response_b: textSchema,
});

/** One question. What else the file says of it (how unsure the teacher was) is not read: no page may show it. */
export type AskedQuestion = z.infer<typeof questionSchema>;

/** A questions folder. `guidelines`: the text of `guidelines.md` in it, null without one. */
export type QuestionSet = {
  readonly questions: readonly AskedQuestion[];
  readonly guidelines: string | null;
};

/** @throws DataError for a line that is no question */
export async function readQuestions(folder: string): Promise<QuestionSet> {
  const file = join(folder, "questions.jsonl");
  const questions: AskedQuestion[] = [];
  for await (const { line, value } of readRecords(file)) {
    const parsed = questionSchema.safeParse(value);
    if (!parsed.success) throw new DataError(file, line, `is no question: ${z.prettifyError(parsed.error)}`);
    questions.push(parsed.data);
  }
  const rules = join(folder, "guidelines.md");
  return { questions, guidelines: (await exists(rules)) ? await readText(rules, 2 ** 20) : null };
}

/** A text as the page gets it: roles and what was said, nothing else of a message. */
export const shownText = (given: Text): ShownText =>
  typeof given === "string" ? given : given.map((turn) => ({ role: turn.role, content: plainText([turn]) }));
