import { expect, test } from "vitest";
import { LEAST, problems, read } from "../../../test/helpers/recipe-problems.ts";

test("validates all arms by one rule: one of its own is refused, and the words of other trainers lead to ours", () => {
  const arms = (own: string) => `${LEAST}arms: [sft, weak, { labels: human, prefer: { ${own} } }]\n`;
  const rule = "validation: { share: 0.1, patience: 2 }";
  expect(problems(arms(rule))).toEqual([
    "r.yaml:7:46: arms[2].prefer.validation: is not that of arm weak: a difference between their students would be one of the rule, too. Write it in student.prefer, for all arms.",
  ]);
  const all = `${LEAST}student: { prefer: { ${rule} } }\n`;
  expect(read(all).student.prefer.validation).toEqual({ share: 0.1, keep: "best", patience: 2 });
  const less = "arms: [weak, { labels: human, prefer: { validation: { patience: 3 } } }]\n";
  expect(problems(all + less)[0]).toMatch(/arms\[1\].prefer.validation: is not that of arm weak/);
  expect(problems(all, "student.prefer.eval_steps=5")[0]).toMatch(
    /unknown setting; did you mean "validation": validation.share sets pairs aside, and they are measured every validation.steps\?$/,
  );
  expect(problems(all, "student.prefer.validation.early_stopping_patience=5")[0]).toMatch(
    /unknown setting; did you mean "patience": validation.patience\?$/,
  );
  expect(problems(all, "student.sft.validation={share: 0.1, metric: accuracy}")[0]).toMatch(
    /student.sft.validation.metric: unknown setting; there are share, steps, keep, patience, min_delta\.$/,
  );
  expect(problems(all, "student.sft.validation={share: 0.1, min_delta: 0.1}")[0]).toMatch(
    /student.sft.validation.min_delta: has no effect without patience. Set patience, or leave it out.$/,
  );
});
