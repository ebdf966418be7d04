import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTable } from "../../../test/helpers/read-table.ts";
import { labelFromScores } from "./label.ts";
import { type Answer, answerRow, questionFiles, readAnswers } from "./questions.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-questions-"));
});
afterAll(() => rm(folder, { recursive: true }));

const labels = new Map(
  ["x", "y", "z", "=1", "cut"].map((id) => [
    id,
    labelFromScores({ id, scoreA: 1, scoreB: 0, flags: id === "cut" ? ["truncated"] : [], teacher: "t" }),
  ]),
);
const question = (id: string) => ({
  id,
  drawn: "random" as const,
  value: 0.5,
  uncertainty: 0.5,
  disagreement: 0,
  repeats: 0,
  similarity: 0,
});
const answer = async (name: string, text: string) => {
  await writeFile(join(folder, name), text);
  return readAnswers(join(folder, name), labels);
};

test("both files hold the same questions, in the pool's order of a and b, and come back filled in", async () => {
  const pairs = new Map(
    ["x", "=1"].map((id) => [id, { id, prompt: `p, "${id}"`, a: "line\nbreak", b: "+1 formula" }]),
  );
  const files = questionFiles([question("x"), question("=1")], pairs);
  await writeFile(join(folder, "q.jsonl"), files.jsonl);
  await writeFile(join(folder, "q.csv"), files.csv);
  const [rows, table] = [await readTable(join(folder, "q.jsonl")), await readTable(join(folder, "q.csv"))];
  expect(rows[0]).toMatchObject({ id: "x", answer: "", response_a: "line\nbreak", value: 0.5 });
  expect(table[1]).toMatchObject({ id: "'=1", prompt: 'p, "=1"', response_b: "'+1 formula" });
  const filled = files.csv.replace("x,,", "x,A ,").replace("'=1,,", "'=1,tie,");
  expect(await answer("filled.csv", filled)).toEqual({
    answers: [
      { id: "x", preferred: "a", drawn: "random" },
      { id: "=1", preferred: "tie", drawn: "random" },
    ],
    skipped: 0,
    blank: 0,
  });
});

test("blank and skipped rows are counted and say nothing; a word said twice counts once", async () => {
  const text = "id,answer\nx,b\nx,b\ny,skip\nz,\n";
  expect(await answer("some.csv", text)).toEqual({
    answers: [{ id: "x", preferred: "b" }],
    skipped: 1,
    blank: 1,
  });
});

test("everything that is wrong is told at once, with its line", async () => {
  const rows = [
    { id: "x", answer: "a" },
    { id: "who", answer: "a" },
    { id: "y", answer: "both" },
    { id: "x", answer: "b" },
    { id: "cut", answer: "a" },
  ];
  const file = join(folder, "bad.jsonl");
  const failed = answer("bad.jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await expect(failed).rejects.toThrow(
    [
      `${file}:2: "id" is "who", which no label has. Give the ids as they were asked.`,
      `${file}:3: "answer" is wrong, expected a, b, tie, skip or nothing, got "both"`,
      `${file}:4: "answer" says "b" of "x", and line 1 says "a". Keep one of them.`,
      `${file}:5: "id" "cut" is flagged truncated: no label is made of such a pair. Remove the row.`,
      "4 of 5 rows are wrong; none was taken.",
    ].join("\n"),
  );
});

test("strength, both_bad and note go along, from CSV and JSONL alike, and are refused where they say nothing of the answer", async () => {
  const csv = 'id,answer,strength,both_bad,note\nx,a,2,,"\'=odd, "\ny,tie,,TRUE,\nz,,,,later\n';
  const expected = {
    answers: [
      { id: "x", preferred: "a", strength: 2, note: "=odd," },
      { id: "y", preferred: "tie", bothBad: true },
    ],
    skipped: 0,
    blank: 1,
  };
  expect(await answer("extras.csv", csv)).toEqual(expected);
  const rows = [
    { id: "x", answer: "a", strength: 2, note: "=odd," },
    { id: "y", answer: "tie", both_bad: true },
    { id: "z", answer: "", note: "later" },
  ];
  expect(await answer("extras.jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join(""))).toEqual(
    expected,
  );
  expect(answerRow(expected.answers[0]! as Answer)).toEqual({
    id: "x",
    answer: "a",
    drawn: undefined,
    strength: 2,
    both_bad: undefined,
    note: "=odd,",
  });
  const bad = "id,answer,strength,both_bad\nx,a,3,\ny,tie,1,\nz,b,,true\nx,a,,yes\n";
  const failed = answer("bad-extras.csv", bad);
  await expect(failed).rejects.toThrow('"strength" is wrong, expected 1, 2 or nothing, got "3"');
  await expect(failed).rejects.toThrow('"strength" is 1 of an answer "tie", expected one of a or b');
  await expect(failed).rejects.toThrow('"both_bad" is true of an answer "b", expected a tie');
  await expect(failed).rejects.toThrow('"both_bad" is wrong, expected true, false or nothing, got "yes"');
});
