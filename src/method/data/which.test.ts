/** Labels that say which response is better, from one person or several: read by known columns, or named. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { parseColumnMap } from "./adapters/column-map.ts";
import { readCandidates, readPreferences } from "./load.ts";
import { majorityOf } from "./people.ts";
import { peopleAgreement } from "./people-agreement.ts";
import { openCandidates } from "./stream-candidates.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weak-teacher-which-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let count = 0;
async function jsonl(rows: readonly object[]): Promise<string> {
  const path = join(folder, `${count++}.jsonl`);
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

const texts = { ask: "What is a boat?", more: "", x: "A ship.", y: "A cake." };
const row = (label: unknown, i = 0) => ({
  ...texts,
  more: i % 2 === 0 ? "" : `Case ${i}.`,
  id: `r${i}`,
  label,
});
const MAP = "prompt=ask+more,a=x,b=y,label=label";

describe("--map with a label", () => {
  test("joins the prompt's columns that say something, and takes the label's word", async () => {
    const file = await jsonl([row(1, 0), row(2, 1), row(0, 2), row("1", 3)]);
    const { rows, ties, people } = await readPreferences(file, {
      map: parseColumnMap(`${MAP},values=1:a;2:b;0:tie,id=id`),
    });
    expect(rows.map(({ id, prompt, chosen }) => [id, prompt, chosen])).toEqual([
      ["r0", "What is a boat?", "A ship."],
      ["r1", "What is a boat?\nCase 1.", "A cake."],
      ["r3", "What is a boat?\nCase 3.", "A ship."],
    ]);
    expect(ties.map(({ id }) => id)).toEqual(["r2"]);
    expect(people).toEqual([]);
  });

  test.each([
    ["numbers from 0 or 1", [0, 1], ["0:a;1:b", "1:a;0:b"]],
    ["three numbers", [0, 1, 2], ["0:a;1:b;2:tie", "1:a;2:b;0:tie"]],
    ["1 and 2", [1, 2], ["1:a;2:b", "0:a;1:b;2:tie"]],
    ["one number only", [1, 1], ["0:a;1:b", "1:a;2:b"]],
    ["truth values", [true, false], ["true:a;false:b", "true:b;false:a"]],
    ["signs", [-1, 0, 1], ["-1:a;1:b;0:tie", "1:a;-1:b;0:tie"]],
  ])("asks what %s mean, with the readings to choose from", async (_, labels, readings) => {
    const file = await jsonl(labels.map((label, i) => row(label, i)));
    const failure = readPreferences(file, { map: parseColumnMap(MAP) });
    await expect(failure).rejects.toThrow(ConfigError);
    const message = String(await failure.catch((error: Error) => error.message));
    const sorted = (text: string) => text.split(";").sort().join(";");
    const offered = [...message.matchAll(/values=([^']+)'/g)].map(([, values]) => sorted(values!));
    for (const reading of readings) expect(offered).toContain(sorted(reading));
    // What it says to write can be written.
    const [flag] = /(?<=--map ')[^']+/.exec(message)!;
    expect((await readPreferences(file, { map: parseColumnMap(flag) })).rows.length).toBeGreaterThan(0);
  });

  test("knows words that mean one thing, and the columns' own names; others are asked about", async () => {
    const read = async (...labels: string[]) =>
      (
        await readPreferences(await jsonl(labels.map((label, i) => row(label, i))), {
          map: parseColumnMap(MAP),
        })
      ).report;
    expect(await read("model_a", "model_b", "tie (bothbad)")).toMatchObject({ rows: 2, ties: 1 });
    expect(await read("A>B", "B>A", "A=B")).toMatchObject({ rows: 2, ties: 1 });
    expect(await read("x", "y")).toMatchObject({ rows: 2, ties: 0 });
    await expect(read("good", "bad")).rejects.toThrow(/holds "bad", "good".*Say what each value means/s);
  });

  test("names the row of a value that means nothing; an empty label leaves the row out, which is counted", async () => {
    const map = parseColumnMap(`${MAP},values=1:a;2:b`);
    await expect(readPreferences(await jsonl([row(1), row(2, 1), row(3, 2)]), { map })).rejects.toThrow(
      /:3: "label" is 3, which says nothing: values are 1:a;2:b/,
    );
    const { report } = await readPreferences(await jsonl([row(1), row(null, 1), row("", 2)]), { map });
    expect(report).toMatchObject({ rows: 1, leftOut: { "no label": 2 } });
  });

  test("a column that no row has is a mistake, though it may be empty in a row", async () => {
    const file = await jsonl([row("a"), row("b", 1)]);
    await expect(
      readPreferences(file, { map: parseColumnMap("prompt=ask+mroe,a=x,b=y,label=label") }),
    ).rejects.toThrow(/none of the first 2 records has a column "mroe"; did you mean "more"/);
  });
});

describe("several people", () => {
  const judged = (...said: readonly unknown[]) => ({
    ...texts,
    ask: `What is ${count} ${said.join(" ")}?`,
    ...Object.fromEntries(said.map((one, i) => [`p${i}`, one])),
  });
  const map = parseColumnMap("prompt=ask,a=x,b=y,label=p0;p1;p2,values=1:a;2:b;0:tie");

  test("more than half of those who answered decide; ties are ties, and without a majority there is no label", async () => {
    const file = await jsonl([
      judged(1, 1, 2),
      judged(2, 2, 2),
      judged(0, 0, 1),
      judged(1, 2, 0),
      judged(1, null, 2),
    ]);
    const { rows, ties, people, report } = await readPreferences(file, { map });
    expect(rows.map(({ chosen }) => chosen)).toEqual(["A ship.", "A cake."]);
    expect(ties).toHaveLength(1);
    expect(report).toMatchObject({ rows: 2, ties: 1, undecided: 2, unlabelled: 0 });
    expect(people.map(({ answers }) => answers)).toEqual([
      { p0: "first", p1: "first", p2: "second" },
      { p0: "second", p1: "second", p2: "second" },
      { p0: "tie", p1: "tie", p2: "first" },
      { p0: "first", p1: "second", p2: "tie" },
      { p0: "first", p2: "second" },
    ]);
    expect(people.map(({ first }) => first)).toEqual(["chosen", "rejected", "chosen", "chosen", "chosen"]);
    expect(peopleAgreement(people, { seed: 1, resamples: 100 })).toMatchObject({
      people: ["p0", "p1", "p2"],
      judged: 5,
      majority: { first: 1, second: 1, tie: 1, none: 2 },
      pairs: [
        { raters: [0, 1], items: 4, agreement: { estimate: 0.75 } },
        { raters: [0, 2], items: 5, agreement: { estimate: 0.2 } },
        { raters: [1, 2], items: 4, agreement: { estimate: 0.25 } },
      ],
    });
    expect((await openCandidates(file, { seed: 1, map })).report).toMatchObject({ undecided: 2, ties: 1 });
  });

  test("as candidates, pairs without a majority stay in the pool without a label", async () => {
    const { pairs, humanLabels, people } = await readCandidates(
      await jsonl([judged(1, 2, 0), judged(2, 2, 1)]),
      {
        seed: 3,
        map,
      },
    );
    expect(pairs).toHaveLength(2);
    expect(humanLabels).toHaveLength(1);
    const { a, id } = pairs[1]!;
    expect(humanLabels[0]).toEqual({ id, preferred: a === "A cake." ? "a" : "b" });
    expect(people.map(({ first }, i) => (first === "a" ? pairs[i]!.a : pairs[i]!.b))).toEqual([
      "A ship.",
      "A ship.",
    ]);
  });

  test("a list of answers in one column is several people", async () => {
    const file = await jsonl([
      { ...texts, votes: ["a", "a", "b"] },
      { ...texts, ask: "And a raft?", votes: ["b", "a"] },
    ]);
    const { rows, report, people } = await readPreferences(file, {
      map: parseColumnMap("prompt=ask,a=x,b=y,label=votes,values=a:a;b:b"),
    });
    expect([rows.length, report.undecided, Object.keys(people[0]!.answers)]).toEqual([
      1,
      1,
      ["votes[1]", "votes[2]", "votes[3]"],
    ]);
  });

  test("a majority is one, in whatever order people are asked", () => {
    const answers = fc.dictionary(
      fc.string(),
      fc.constantFrom("first" as const, "second" as const, "tie" as const),
    );
    fc.assert(
      fc.property(answers, (said) => {
        const values = Object.values(said);
        const found = majorityOf(said);
        const turned = Object.fromEntries(Object.entries(said).reverse());
        expect(majorityOf(turned)).toBe(found);
        const most = (one: string) => values.filter((value) => value === one).length > values.length / 2;
        expect(found === undefined ? ["first", "second", "tie"].some(most) : most(found)).toBe(
          found !== undefined,
        );
      }),
    );
  });
});

describe("known sets", () => {
  const panda = (annotators: readonly number[], response1: unknown = "A ship.") => ({
    instruction: "Say what it is.",
    input: `A boat? ${annotators.join()}`,
    response1,
    response2: "A cake.",
    ...Object.fromEntries(annotators.map((said, i) => [`annotator${i + 1}`, said])),
  });

  test("PandaLM's: 1 and 2 name the response, 0 is a tie; instruction and input are the prompt", async () => {
    const { rows, ties, report } = await readPreferences(
      await jsonl([
        panda([1, 1, 2]),
        panda([2, 0, 2]),
        panda([0, 0, 1]),
        panda([1, 2, 0]),
        panda([1, 1, 1], true),
      ]),
    );
    expect(report).toMatchObject({ format: "pandalm", rows: 3, ties: 1, undecided: 1 });
    expect(rows[0]).toMatchObject({ prompt: "Say what it is.\nA boat? 1,1,2", chosen: "A ship." });
    expect(rows[1]).toMatchObject({ chosen: "A cake." });
    expect(rows[2]).toMatchObject({ chosen: "True" });
    expect(ties).toHaveLength(1);
    expect(report.columns.find(({ column }) => column === "response1")?.note).toMatch(
      /read as the word True/,
    );
  });

  const bar = (label: unknown, i: number) => ({ input: `q${i}?`, output_1: "One.", output_2: "Two.", label });
  const auto = (label: unknown, i: number) => ({
    ...{ scenario: "s", prompt: `q${i}?`, "response 1": "One.", "response 2": "Two." },
    label,
  });

  test("LLMBar counts from 1 and Auto-J from 0, names with spaces and all", async () => {
    const chosen = async (file: string) => {
      const { rows, ties } = await readPreferences(file);
      return [...rows.map(({ chosen: text }) => text), ...ties.map(() => "tie")];
    };
    expect(await chosen(await jsonl([bar(1, 0), bar(2, 1)]))).toEqual(["One.", "Two."]);
    expect(await chosen(await jsonl([auto(0, 0), auto(1, 1), auto(2, 2)]))).toEqual(["One.", "Two.", "tie"]);
  });

  test.each([
    ["LLMBar's columns, counted from 0", [bar(0, 0), bar(1, 1)]],
    ["LLMBar's columns, only 1", [bar(1, 0), bar(1, 1)]],
    ["Auto-J's columns, counted from 1", [auto(1, 0), auto(2, 1)]],
    ["Auto-J's columns, counted from 1 with a third", [auto(1, 0), auto(3, 1)]],
  ])("%s: both readings are shown and none is taken", async (_, rows) => {
    const file = await jsonl(rows);
    await expect(readPreferences(file)).rejects.toThrow(DataError);
    await expect(readPreferences(file, { onBadRow: "skip" })).rejects.toThrow(
      /Say which it is: --map .* or --map/,
    );
  });

  test("all rows decide, not those at the front: a value at row 21 tells, or takes back what was told", async () => {
    const ones = (n: number, make: (label: number, i: number) => object, label: number) =>
      Array.from({ length: n }, (_, i) => make(label, i));
    const told = await jsonl([...ones(20, bar, 1), bar(2, 20)]);
    expect((await readPreferences(told)).rows).toHaveLength(21);
    const stream = await openCandidates(told, { seed: 1 });
    expect(stream.report.rows).toBe(21);
    const mixed = await jsonl([...ones(10, bar, 1), ...ones(10, bar, 2), bar(0, 20)]);
    const says = /"label" holds 0, 1, 2, which fits another counting only/;
    await expect(readPreferences(mixed)).rejects.toThrow(says);
    await expect(openCandidates(mixed, { seed: 1, onBadRow: "skip" })).rejects.toThrow(says);
    const late = await jsonl([...ones(20, auto, 1), auto(0, 20)]);
    expect((await readPreferences(late)).rows).toHaveLength(21);
  });

  test("a pool whose column says which is better is no pool that nobody judged", async () => {
    const judged = { prompt: "q?", response_a: "One.", response_b: "Two.", winner: "model_a" };
    await expect(readCandidates(await jsonl([judged]), { seed: 1 })).rejects.toThrow(
      /"winner" may say which response/,
    );
    const { pairs } = await readCandidates(await jsonl([judged]), { seed: 1, ignore: ["winner"] });
    expect(pairs).toHaveLength(1);
  });
});
