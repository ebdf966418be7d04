import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyRecipe } from "../../../test/helpers/tiny-recipe.ts";
import { jobOf } from "../recipe/job.ts";
import { loadRecipe } from "../recipe/parse.ts";
import { estimateJudges, formatJudges } from "./estimate-judges.ts";

let folder: string;
let recipe: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-estimate-judges-"));
  recipe = await writeTinyRecipe(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const load = async (...set: string[]) => jobOf(await loadRecipe(recipe, { set }));
const TEACHER =
  "teacher={kind: judge-chat, url: 'http://127.0.0.1:9', model: m, samples: 2, temperature: 1, max_tokens: 8, prices: {input: 1000, output: 100}}";
const UNTAUGHT = ["models.weak=null", "label.held_out=null"];
const JUDGE =
  "eval.judges=[{type: chat, url: 'http://127.0.0.1:9', model: m, prices: {input: 0, output: 1000}}]";

test("a dry run says what judges will be asked and what it may cost at the recipe's prices", async () => {
  const job = await load(TEACHER, ...UNTAUGHT, JUDGE);
  const open = ["pool-scores", "test-scores", "judge-pairwise-chat-weak-vs-sft"];
  const [teacher, judge] = await estimateJudges(job, open);
  expect([teacher!.who, judge!.who]).toEqual(["teacher m", "judge pairwise-chat"]);
  // Both orders, two samples of each pair.
  expect(teacher!.ahead.questions % 4).toBe(0);
  expect(teacher!.ahead.questions).toBeGreaterThan(0);
  // The question's own words alone are more than 400 characters.
  expect(teacher!.ahead.characters).toBeGreaterThan(400 * teacher!.ahead.questions);
  const fewer = await estimateJudges(job, open.slice(0, 1));
  expect(fewer).toHaveLength(1);
  expect(fewer[0]!.ahead.questions).toBeLessThan(teacher!.ahead.questions);
  const { questions } = judge!.ahead;
  expect(formatJudges([judge!])).toContain(`judge pairwise-chat: ${questions} questions, about `);
  // Sixteen tokens of reply each where no limit is set, at 1,000 a million.
  const cost = (questions * 16) / 1000;
  expect(formatJudges([judge!])).toContain(`about ${cost.toFixed(2)} at most, at 0 and 1000 per million`);
  const dearer = await load(TEACHER.replace("input: 1000", "input: 2000"), ...UNTAUGHT);
  expect(formatJudges(await estimateJudges(dearer, open))).not.toBe(formatJudges([teacher!]));
});

test("a job without chat judges, or with all of it kept, asks nobody", async () => {
  expect(await estimateJudges(await load(), ["pool-scores"])).toEqual([]);
  expect(await estimateJudges(await load(TEACHER, ...UNTAUGHT, JUDGE), ["data"])).toEqual([]);
});
