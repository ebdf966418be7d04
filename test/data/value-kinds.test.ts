/** Every file of one JSON value that the product writes and reads again has one reader, which refuses what is not what its writer writes. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readLabellingFacts } from "../../src/method/labels/labelling.ts";
import { readPrecision } from "../../src/method/teacher/precision.ts";
import { readArmPairs } from "../../src/pipeline/job/arm-pairs.ts";
import { readCascadeWorth } from "../../src/pipeline/job/cascade-stages.ts";
import { readFacts, readPrompts } from "../../src/pipeline/job/data-files.ts";
import { readEnsembleFacts } from "../../src/pipeline/job/ensemble-stage.ts";
import { readTestAccuracy } from "../../src/pipeline/job/evaluate-stages.ts";
import { GENERATE_FACTS } from "../../src/pipeline/job/generate-stage.ts";
import { readLabelFacts } from "../../src/pipeline/job/label-stages.ts";
import { VALIDATION_FILE } from "../../src/pipeline/job/report-validation.ts";
import { ROWS_USED } from "../../src/pipeline/job/training-rows.ts";
import { answerFactsSchema } from "../../src/pipeline/label/answers-stage.ts";
import { readAuditFacts } from "../../src/pipeline/label/audit/judge.ts";
import { readAuditDataFacts } from "../../src/pipeline/label/audit/rows.ts";
import { combineFactsSchema } from "../../src/pipeline/label/combine-stage.ts";
import { labelFactsSchema } from "../../src/pipeline/label/label-stage.ts";
import { type Artefact, artefactAt } from "../../src/pipeline/stages/stage.ts";
import { readRescored } from "../../src/pipeline/study/extra-stages.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-values-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Kind = readonly [
  what: string,
  name: string,
  good: Readonly<Record<string, unknown>>,
  read: (artefact: Artefact) => Promise<unknown>,
];

const interval = { estimate: 0.5, low: 0.4, high: 0.6, n: 9, level: 0.95 };
const share = { agree: 1, n: 2, share: interval };
const figures = { n: 2, ece: interval, brier: null, logLoss: interval, bins: [] };
const report = { before: figures, after: figures, change: { ece: null, brier: null, logLoss: null } };
const labelling = {
  teacher: { name: "t", kind: "control", digest: "d" },
  counts: { pairs: 2, a: 1, b: 1, tie: 0, abstain: 0, unselected: 0, flags: {} },
  promise: null,
  settings: {},
};
const uncertainty = {
  ...{ members: 2, pairs: 2, agreement: 1 },
  ...{ total: 0.1, expected: 0.1, mutualInformation: null },
};
const worth = {
  ...{ sure: 0.9, pairs: 2, asked: 1, tokens: { first: 1, second: 1 } },
  heldOut: { asked: 1, first: share, second: share, cascade: share },
};
const counted = { answers: { total: 1, new: 1, ties: 0, skipped: 0, blank: 0 }, teacherOnAnswered: interval };
const fitted = { refitted: true, method: "platt", heldOut: 1, answered: 1, notRandom: 0, unanswered: 0 };
const change = {
  ...{ precision: "int8", pairs: 2, turned: 0 },
  ...{ meanDifference: 0, largestDifference: 0, medianMargin: 1 },
};
const measured = { step: 1, value: 0.5 };

const KINDS: readonly Kind[] = [
  [
    "of label",
    "facts.json",
    { ...labelling, badRows: 0 },
    ({ folder }) => readLabellingFacts(folder, labelFactsSchema),
  ],
  [
    "of answers",
    "facts.json",
    { ...labelling, ...counted, calibration: fitted },
    ({ folder }) => readLabellingFacts(folder, answerFactsSchema),
  ],
  [
    "of combine",
    "facts.json",
    { ...labelling, badRows: 0, ensemble: { members: [{ name: "t", digest: "d" }], uncertainty } },
    ({ folder }) => readLabellingFacts(folder, combineFactsSchema),
  ],
  [
    "of weak labels",
    "facts.json",
    {
      ...labelling,
      teachers: [labelling.teacher],
      calibration: report,
      heldOutAccuracy: share,
      ensemble: null,
    },
    readLabelFacts,
  ],
  ["of an ensemble", "facts.json", { members: [], report, uncertainty }, readEnsembleFacts],
  ["of a generation", "facts.json", { prompts: 1, responses: 1, gold: {} }, GENERATE_FACTS.read],
  ["of data", "facts.json", { source: "s", format: "trl", rows: 1, parts: {}, findings: [] }, readFacts],
  [
    "of an audit's rows",
    "facts.json",
    { format: "trl", records: 1, rows: 1, ties: 0, badRows: 0, prompts: 1 },
    readAuditDataFacts,
  ],
  [
    "of an audit",
    "audit.json",
    {
      ...{ judged: 1, notJudged: 0, folds: 2, teacher: "t", calibration: "platt", disagreement: interval },
      ...{ noiseRate: null, disagreementAmongSure: null, meanProbabilityWrong: 0.1, reliability: report },
      plant: null,
    },
    readAuditFacts,
  ],
  ["of a cascade", "worth.json", worth, readCascadeWorth],
  [
    "of test pairs",
    "accuracy.json",
    { implicit: interval, likelihood: null, likelihoodPerToken: null, pairs: 1, leftOut: {} },
    readTestAccuracy,
  ],
  ["of arms", "arm-pairs.json", { pool: 2, kept: 1, left: [], labelledLeft: [] }, readArmPairs],
  ["of a training", "rows.json", { rows: 2, used: 2, leftOut: 0, badRows: 0 }, ROWS_USED.read],
  [
    "of a validation",
    "validation.json",
    { rows: 1, metric: "loss", best: measured, last: measured, kept: 1, planned: 1, ended: "steps" },
    VALIDATION_FILE.read,
  ],
  ["of few bits", "precision.json", change, ({ folder }) => readPrecision(folder)],
];

for (const [what, name, good, read] of KINDS)
  describe(`${name} ${what}`, () => {
    const written = async (value: unknown) => {
      await writeFile(join(folder, name), JSON.stringify(value));
      return read(artefactAt("stage", folder, "d"));
    };

    test("is read as it was written", async () => {
      expect(await written(good)).toEqual(good);
    });

    test.each(Object.keys(good))("with another kind of %s is refused by file and member", async (member) => {
      const refusal = written({ ...good, [member]: [[3]] });
      await expect(refusal).rejects.toThrow(`${name}: is no ${name} of this version`);
      await expect(refusal).rejects.toThrow(`"${member}`);
    });

    test.each(Object.keys(good))(
      "of a version that had no %s is refused by file and member",
      async (member) => {
        await expect(written({ ...good, [member]: undefined })).rejects.toThrow(
          new RegExp(
            `${name}: is no ${name} of this version: "${member}" is (missing|wrong, expected one of)`,
          ),
        );
      },
    );

    test("that is no object is refused", async () => {
      await expect(written([good])).rejects.toThrow("expected an object");
      await expect(written(null)).rejects.toThrow("expected an object, got null");
    });
  });

test("lists are refused by the place of what is wrong", async () => {
  const here = artefactAt("stage", folder, "d");
  await writeFile(join(folder, "prompts.json"), JSON.stringify(["one", [{ role: "user" }]]));
  await expect(readPrompts(here)).rejects.toThrow('"1.0.content" is missing');
  await writeFile(join(folder, "rescored.json"), JSON.stringify([{ how: "h", pairs: 1, changed: 0 }]));
  await expect(readRescored(here)).rejects.toThrow('"0.largest" is missing');
  await writeFile(join(folder, "rescored.json"), "{}");
  await expect(readRescored(here)).rejects.toThrow("expected a list, got {}");
});

test("nobody takes a JSON file for what it may not be: whoever does is in this list, with the reason", async () => {
  const reasons: Readonly<Record<string, string>> = {
    "base/files/source-files.ts": "data of others, each member looked at",
    "interfaces/studio/watch-run.ts": "its one member is looked at",
    "method/parity/fixture.ts": "fixtures of the project's own tests",
    "method/teacher/scores-folder.ts": "a manifest of shards, checked by hand",
    "pipeline/job/preference-columns.ts": "scratch of a training, under the key of this very version",
    "pipeline/job/teacher-logratios.ts": "scratch of a training, under the key of this very version",
    "pipeline/stages/differences.ts": "names what differs, for people",
  };
  const root = new URL("../../src/", import.meta.url).pathname;
  const found: string[] = [];
  for (const path of await readdir(root, { recursive: true })) {
    if (!path.endsWith(".ts") || path.endsWith(".test.ts")) continue;
    if (/readJson\([^;]*?\)\s*as\b/.test(await readFile(join(root, path), "utf8"))) found.push(path);
  }
  expect(found.sort()).toEqual(Object.keys(reasons).sort());
});
