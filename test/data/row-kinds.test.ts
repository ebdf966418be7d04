/** Every file of rows that the product writes and reads again has one reader, which refuses a row that is not what its writer writes. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sealLines } from "../../src/base/core/shard-file.ts";
import { readQuestions } from "../../src/interfaces/studio/questions.ts";
import { HUMAN_LABELS } from "../../src/method/data/human-labels.ts";
import { readPool } from "../../src/method/data/pool.ts";
import { TRAINING_ROWS } from "../../src/method/data/training-file.ts";
import { ARM_RECORDS } from "../../src/method/evaluate/arm.ts";
import { JUDGE_RECORDS } from "../../src/method/evaluate/judges/compare.ts";
import { TEST_MARGINS } from "../../src/method/evaluate/test-accuracy.ts";
import { UNCERTAINTIES } from "../../src/method/labels/ensemble-scores.ts";
import { HELD_OUT } from "../../src/method/labels/held-out-file.ts";
import { readLabelFile } from "../../src/method/labels/label-file.ts";
import { CANDIDATES, GOLD_PAIRS } from "../../src/method/split/world.ts";
import { readScoreFile } from "../../src/method/teacher/score-file.ts";
import { METRICS } from "../../src/method/train/metrics.ts";
import { readLabelledGold } from "../../src/pipeline/job/data-files.ts";
import { readPeople } from "../../src/pipeline/job/people-file.ts";
import { SUSPECTS } from "../../src/pipeline/label/audit/judge.ts";
import { AUDIT_ROWS } from "../../src/pipeline/label/audit/rows.ts";
import { artefactAt } from "../../src/pipeline/stages/stage.ts";
import { readBestOf } from "../../src/pipeline/study/best-of.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-kinds-"));
  await mkdir(join(folder, "hidden"));
  await writeFile(join(folder, "records.jsonl"), "");
});
afterAll(() => rm(folder, { recursive: true }));

type Good = Readonly<Record<string, unknown>>;
type Kind = readonly [
  name: string,
  good: Good,
  read: (file: string) => Promise<readonly unknown[]>,
  /** Members that may be missing, or be anything: nobody reads them. */
  optional?: readonly string[],
];

const here = () => artefactAt("data", folder, "d");
const texts = { prompt: "q", chosen: "a", rejected: "b" };
const record: Good = {
  ...{ promptId: "p", sample: 0, prompt: "q", response: "r", gold: { g: 1 }, tokens: 1, finish: "eos" },
  ...{ promptTruncated: false, logp: -1, sftLogp: null },
};
const pair = { id: "1", score_a: 2, score_b: 1 };

const KINDS: readonly Kind[] = [
  ["human-labels.jsonl", { id: "1", preferred: "a" }, HUMAN_LABELS.read],
  ["held-out.jsonl", { id: "1", margin: 1, preferred: "b" }, HELD_OUT.read],
  [
    "labels.jsonl",
    { ...pair, preferred: "a", margin: 1, p_a: 0.7, p_chosen: 0.7, flags: [], label_source: "t" },
    readLabelFile,
  ],
  ["scores.jsonl", { ...pair, length_a: 1, length_b: 1, tokens: 3, flags: [] }, readScoreFile],
  ["training.jsonl", { ...texts, id: "1", weight: 1, p_chosen: 0.7, label_source: "t" }, TRAINING_ROWS.read],
  ["records.jsonl", record, ARM_RECORDS.read],
  [
    "verdicts.jsonl",
    { votes: ["a", null], promptId: "p", sample: 0, tokens: 1, baselineTokens: 2 },
    JUDGE_RECORDS.read,
  ],
  [
    "pairs.jsonl",
    { id: "1", promptId: "p", implicit: 1, likelihood: 1, likelihoodPerToken: 1 },
    TEST_MARGINS.read,
  ],
  ["candidates.jsonl", { prompt: "q", candidates: [{ text: "a", gold: 1 }] }, CANDIDATES.read],
  ["gold.jsonl", { id: "1", goldA: 1, goldB: 0 }, GOLD_PAIRS.read],
  ["hidden/gold-labelled.jsonl", { id: "1", goldChosen: 1, goldRejected: 0 }, () => readLabelledGold(here())],
  [
    "hidden/people.jsonl",
    { id: "1", part: "pool", first: "a", people: { ann: "first" } },
    () => readPeople(here()),
  ],
  [
    "rows.jsonl",
    { ...texts, id: "1", file: "f", line: 1, group: "g", fold: 0, planted: false },
    AUDIT_ROWS.read,
  ],
  [
    "suspects.jsonl",
    { ...texts, id: "1", file: "f", line: 1, probability_wrong: 0.5, margin: -1 },
    SUSPECTS.read,
  ],
  ["uncertainty.jsonl", { id: "1", mutualInformation: 0.1 }, UNCERTAINTIES.read],
  [
    "questions.jsonl",
    { id: "1", prompt: "q", response_a: "a", response_b: "b" },
    async () => (await readQuestions(folder)).questions,
  ],
  ["metrics.jsonl", { global_step: 1, epoch: 1, loss: 0.5 }, METRICS.read, ["loss"]],
  [
    "best-of-scores.jsonl",
    { promptId: "p", sample: 0, score: 1 },
    async () => [...(await readBestOf({ generations: here(), scored: scored() }))],
  ],
  ["pool.jsonl", { id: "1", prompt: "q", response_a: "a", response_b: "b" }, () => readPool(folder)],
];

const scored = () => ({ ...here(), path: () => join(folder, "best-of-scores.jsonl") });

for (const [name, good, read, optional = []] of KINDS)
  describe(name, () => {
    const written = async (...rows: readonly object[]) => {
      const file = join(folder, name);
      const lines = rows.map((row) => JSON.stringify(row));
      await writeFile(file, name === "scores.jsonl" ? sealLines(lines) : `${lines.join("\n")}\n`);
      return read(file);
    };
    // Files of which a reader makes a map hold no id twice.
    const second = Object.hasOwn(good, "id") ? { ...good, id: "2" } : good;
    beforeAll(() => writeFile(join(folder, "records.jsonl"), `${JSON.stringify(record)}\n`));

    test("a row that its writer could have written is read", async () => {
      expect((await written(good)).length).toBeGreaterThan(0);
    });

    test.each(Object.keys(good))(
      "a row whose %s is of another kind is refused with its line and the member",
      async (member) => {
        // A list of a list is no value of any member.
        const refusal = written(good, { ...second, [member]: [[3]] });
        await expect(refusal).rejects.toThrow(/:2|line 2/);
        await expect(refusal).rejects.toThrow(`"${member}`);
      },
    );

    test.each(Object.keys(good).filter((member) => !optional.includes(member)))(
      "a row without %s is refused with its line and the member",
      async (member) => {
        const refusal = written(good, { ...second, [member]: undefined });
        await expect(refusal).rejects.toThrow(/:2|line 2/);
        await expect(refusal).rejects.toThrow(`"${member}"`);
      },
    );
  });

test("nobody reads rows of a file unchecked: whoever takes records as they come is in this list, with the reason", async () => {
  const reasons: Readonly<Record<string, string>> = {
    "base/files/row-file.ts": "the checked reader",
    "base/files/jsonl.ts": "the reader of lines",
    "base/files/json.ts": "data of others",
    "base/files/table.ts": "data of others",
    "method/data/pool.ts": "lists all bad rows of a pool, which people write too",
    "method/labels/held-out-file.ts": "looks at what a file is",
    "method/teacher/control-files.ts": "rewards that people give",
  };
  const root = new URL("../../src/", import.meta.url).pathname;
  const found: string[] = [];
  for (const path of await readdir(root, { recursive: true })) {
    if (!path.endsWith(".ts") || path.endsWith(".test.ts")) continue;
    if (/\bread(Records|Jsonl)\b/.test(await readFile(join(root, path), "utf8"))) found.push(path);
  }
  expect(found.sort()).toEqual(Object.keys(reasons).sort());
});
