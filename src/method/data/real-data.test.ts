/** The readers on real human preference data, where the folder with it is there. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findDialogues } from "../split/dialogues.ts";
import { splitRows } from "../split/split.ts";
import { describeRows } from "../split/statistics.ts";
import { stringMatch } from "../split/string-match.ts";
import { findLeakage } from "../split/validate.ts";
import { parseColumnMap } from "./adapters/column-map.ts";
import { readPreferences } from "./load.ts";
import { splitKey } from "./normalise.ts";
import { peopleAgreement } from "./people-agreement.ts";
import { plainText } from "./rows.ts";

const folder = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));
const hh = `${folder}hh-rlhf-harmless-base-test.jsonl.gz`;
const pandaLm = `${folder}pandalm-testset-v1.json.gz`;
const ethicsTrain = `${folder}ethics-utilitarianism-train.csv`;
const ethicsTest = `${folder}ethics-utilitarianism-test.csv`;

describe.skipIf(!existsSync(hh))("HH-RLHF harmless-base, test split", () => {
  test("all 2,312 pairs have a shared prompt that ends with Assistant:, and responses that begin with a space", async () => {
    const { rows, report } = await readPreferences(hh);
    expect(report).toMatchObject({ format: "hh-rlhf", records: 2312, rows: 2312, ties: 0, bad: [] });
    expect(rows.every((row) => plainText(row.prompt).endsWith("\n\nAssistant:"))).toBe(true);
    expect(
      rows.every((row) => /^( |$)/.test(plainText(row.chosen)) && /^( |$)/.test(plainText(row.rejected))),
    ).toBe(true);
    // 2,307 pairs part at the last turn of both; in the other 5 a response goes on with a turn of its own. (Its README's 2,308 counts
    // the pairs whose rejected transcript begins with the chosen one up to its last turn: one of the 5 does.)
    expect(report.flags).toEqual({ empty: 4, "extra-turn": 5 });
    const chosenPartsLast = rows.filter((row) => !plainText(row.chosen).includes("\n\nAssistant:")).length;
    expect(chosenPartsLast).toBe(2308);
  });

  test("lengths are those of its README: 168 characters chosen, 211 rejected", async () => {
    const [characters] = describeRows((await readPreferences(hh)).rows).lengths;
    expect(characters?.chosen.mean).toBeCloseTo(168.1, 1);
    expect(characters?.rejected.mean).toBeCloseTo(211.1, 1);
    expect(characters?.chosenLonger?.high).toBeLessThan(0.5);
  });
});

describe.skipIf(!existsSync(hh))("HH-RLHF: pairs that tell each other's label", () => {
  const parts = { labelled: 800, pool: 900, test: 600 };
  test("131 prompts go on from another pair, all from its rejected response, and the finder finds the same pairs", async () => {
    const { rows } = await readPreferences(hh);
    expect(stringMatch(rows, rows)).toEqual({ pairs: 128, right: 128 });
    const { told, linked } = findDialogues(rows);
    expect(told.filter(([chosen]) => chosen)).toHaveLength(0);
    expect(told.filter(([, rejected]) => rejected)).toHaveLength(128);
    expect(linked.filter(Boolean)).toHaveLength(253);
  });

  test.each([1, 2, 3])(
    "seed %i: a string match labels pool and test pairs after a split by prompt, none after one by dialogue",
    async (seed) => {
      const { rows } = await readPreferences(hh);
      const tellTale = (by?: typeof splitKey) => {
        const split = splitRows(rows, { seed, parts, ...(by === undefined ? {} : { by }) }).parts;
        return {
          pool: stringMatch(split.pool, [...split.labelled, ...split.test]),
          test: stringMatch(split.test, [...split.labelled, ...split.pool]),
        };
      };
      const before = tellTale(splitKey);
      expect(before.pool.pairs).toBeGreaterThan(15);
      expect(before.pool.right).toBe(before.pool.pairs);
      expect(before.test.pairs).toBeGreaterThan(10);
      expect(tellTale()).toEqual({ pool: { pairs: 0, right: 0 }, test: { pairs: 0, right: 0 } });
    },
  );
});

describe.skipIf(!existsSync(ethicsTrain))("ETHICS utilitarianism", () => {
  test("4,649 training pairs have a shared opening and two continuations, 4,622 one continuation, and none is lost", async () => {
    const { rows, report } = await readPreferences(ethicsTrain);
    expect(report).toMatchObject({ format: "ethics", records: 13738, rows: 4649, bad: [] });
    expect(report.leftOut).toEqual({
      "no shared opening": 4467,
      "one side adds nothing to the opening": 4622,
    });
    expect(report.flags).toEqual({});
    expect(rows.every((row) => plainText(row.prompt) !== "")).toBe(true);
  });

  test("whole scenarios: all pairs, in 7,854 groups; a split leaks no group", async () => {
    const { rows } = await readPreferences(ethicsTrain, { format: "ethics-whole" });
    expect(rows).toHaveLength(13738);
    // The data's README counts 7,855; here a sentence may end with a closing quote, which joins two of them.
    expect(new Set(rows.map(splitKey)).size).toBe(7854);
    const { parts } = splitRows(rows, { seed: 1, parts: { train: 0.8, test: 0.2 } });
    expect([parts.train.length, parts.test.length]).toEqual([10990, 2748]);
    expect(findLeakage(parts.train, parts.test).sameGroup).toEqual({ a: [], b: [] });
  });

  test("the published split by pair leaks: 269 of 600 usable test pairs have a prompt of the usable training pairs", async () => {
    const { rows: trainRows } = await readPreferences(ethicsTrain);
    const { rows: testRows } = await readPreferences(ethicsTest);
    expect(testRows).toHaveLength(600);
    expect(findLeakage(testRows, trainRows).samePrompt.a).toHaveLength(269);
  });
});

describe.skipIf(!existsSync(pandaLm))("PandaLM's test set", () => {
  const people = ["annotator1", "annotator2", "annotator3"];
  const expected = {
    judged: 999,
    units: 170,
    majority: { first: 422, second: 472, tie: 105, none: 0 },
    // As published, with its README's further digits; alpha by krippendorff 0.9.0.
    pairs: [
      { items: 999, agreement: { estimate: 0.9129129129129129 }, kappa: { estimate: 0.8520226785167024 } },
      { items: 999, agreement: { estimate: 0.928928928928929 }, kappa: { estimate: 0.8789438112500384 } },
      { items: 999, agreement: { estimate: 0.9179179179179179 }, kappa: { estimate: 0.8616614540762907 } },
    ],
    alpha: { estimate: 0.8642206851960816 },
  };

  test("three people, their majority and their agreement are as published, by its columns and by --map", async () => {
    const named = parseColumnMap(
      "prompt=instruction+input,a=response1,b=response2,label=annotator1;annotator2;annotator3,values=1:a;2:b;0:tie",
    );
    for (const options of [{}, { map: named }]) {
      const { rows, ties, people: said, report } = await readPreferences(pandaLm, options);
      expect([rows.length, ties.length, report.bad.length]).toEqual([894, 105, 0]);
      const agreement = peopleAgreement(said, { seed: 1, resamples: 200 })!;
      expect(agreement.people).toEqual(people);
      const rounded = JSON.parse(
        JSON.stringify(agreement, (_, x) => (typeof x === "number" ? Number(x.toFixed(12)) : x)),
      );
      expect(rounded).toMatchObject(
        JSON.parse(JSON.stringify(expected, (_, x) => (typeof x === "number" ? Number(x.toFixed(12)) : x))),
      );
      for (const { kappa } of agreement.pairs) expect(kappa!.high - kappa!.low).toBeLessThan(0.12);
    }
  });
});
