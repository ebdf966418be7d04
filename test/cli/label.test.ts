/** `weak-teacher label`: teachers beyond model folders, rules as flags, and what a second labelling does not do again. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let server: Server;
let url: string;
let asked: { authorization: string | undefined; question: string }[];
const at = (...parts: string[]) => join(folder, ...parts);
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** 40 pairs of which `a` is better in the even ones; the judge takes "good" unless the prompt says it looks at the order. */
const pairs = Array.from({ length: 40 }, (_, i) => ({
  id: `r${i}`,
  prompt: i < 10 ? `order ${i}` : `p${i}`,
  response_a: i % 2 === 0 ? "good" : "bad bad",
  response_b: i % 2 === 0 ? "bad bad" : "good",
}));
const rowOf = ({ id, prompt, response_a: a, response_b: b }: (typeof pairs)[number], wrong: boolean) => {
  const [good, bad] = a === "good" ? [a, b] : [b, a];
  return { id, prompt, chosen: wrong ? bad : good, rejected: wrong ? good : bad };
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-label-"));
  await writeFile(at("pool.jsonl"), lines(pairs));
  await writeFile(at("people.jsonl"), lines(pairs.map((pair) => rowOf(pair, false))));
  await writeFile(
    at("gold.jsonl"),
    lines(pairs.map(({ id }, i) => ({ id, goldA: i % 2 === 0 ? 2 : -1, goldB: 0.5 }))),
  );
  asked = [];
  server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const question = (JSON.parse(text) as { messages: { content: string }[] }).messages[0]!.content;
    asked.push({ authorization: request.headers.authorization, question });
    const first = /Response 1\]\n([^\n]*)/.exec(question)![1];
    const vote = question.includes("order ") || first === "good" ? "1" : "2";
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ model: "judge-7", choices: [{ message: { content: vote } }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const label = (out: string, ...more: string[]) =>
  weakTeacher(["label", at("pool.jsonl"), "--out", at(out), "--json", ...more], {
    env: { JUDGE_KEY: "secret-key-123" },
  });

describe("a judge behind an endpoint", () => {
  const judge = () =>
    ["--teacher", "judge-chat", "--url", url, "--model", "judge", "--api-key-env", "JUDGE_KEY"] as const;

  test("is asked both orders; flips, question and model are told, and the key is nowhere", async () => {
    const outcome = await label("judged", ...judge());
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(asked).toHaveLength(80);
    expect(asked[0]!.authorization).toBe("Bearer secret-key-123");
    const { counts, teacher } = JSON.parse(outcome.stdout);
    // Ten pairs are answered by their order: a vote each way, a tie. The others are fair.
    expect(counts).toMatchObject({ pairs: 40, a: 15, b: 15, tie: 10 });
    expect(teacher.judge).toMatchObject({ model: "judge", positionFlips: { rate: 0.25, judged: 40 } });
    expect(teacher.judge.promptDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(await readFile(at("judged", "facts.json"), "utf8")).toContain('"positionFlips"');
    for (const file of ["facts.json", "stage.json", "scores/manifest.json", "labels.jsonl"])
      expect(await readFile(at("judged", file), "utf8")).not.toContain("secret-key-123");
  });

  test("a dry run says what it may cost and asks nobody; a run says what was spent", async () => {
    const before = asked.length;
    const priced = [...judge(), "--judge-prices", "1000,10", "--judge-max-tokens", "8"];
    const dry = await label("priced", ...priced, "--dry-run");
    expect(dry.code, dry.stderr).toBe(0);
    expect(asked).toHaveLength(before);
    expect(dry.stderr).toMatch(
      /judge judge: 80 questions, about [\d,]+ tokens \(four characters each\), and up to 640 of replies \(8 each\): about \d+\.\d\d at most, at 1000 and 10 per million tokens/,
    );
    const run = await label("priced", ...priced, "--judge-ties", "refused");
    expect(run.code, run.stderr).toBe(0);
    expect(run.stderr).toContain(
      "80 replies, 0 + 0 tokens, cost 0 (of 80 replies the endpoint told no tokens)",
    );
    expect(await readFile(at("priced", "stage.json"), "utf8")).not.toContain("prices");
    const wrong = await label("priced", ...judge(), "--judge-prices", "1000");
    expect(wrong.stderr).toContain("Expected two prices per million tokens, as 2.5,10.");
  });

  test("another rule asks nothing and opens nothing; another seed of the same pairs pays for no reply twice", async () => {
    const before = asked.length;
    const top = await label("judged", ...judge(), "--top", "50", "--weight", "tanh");
    expect(top.code, top.stderr).toBe(0);
    expect(asked).toHaveLength(before);
    expect(JSON.parse(top.stdout)).toMatchObject({ state: "run", counts: { pairs: 40, unselected: 15 } });
    expect(existsSync(at("judged", "log", "scores-rate.json"))).toBe(false);
    const facts = JSON.parse(await readFile(at("judged", "facts.json"), "utf8"));
    expect(facts.settings).toMatchObject({ weight: { form: "tanh" }, select: { kind: "top", percent: 50 } });
    const seeded = await label("judged", ...judge(), "--seed", "7");
    expect(seeded.code, seeded.stderr).toBe(0);
    expect(asked).toHaveLength(before);
  });

  test("a longer pool asks for the new pairs only", async () => {
    const before = asked.length;
    const more = [...pairs, { id: "new", prompt: "new", response_a: "good", response_b: "bad" }];
    await writeFile(at("longer.jsonl"), lines(more));
    const args = ["label", at("longer.jsonl"), "--out", at("judged"), ...judge()];
    const outcome = await weakTeacher(args, { env: { JUDGE_KEY: "secret-key-123" } });
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(asked).toHaveLength(before + 2);
    expect(outcome.stdout).toContain("the answer turned round with the order in 24.4 % of 41 judged pairs");
  });

  test("without its key it says which variable is missing", async () => {
    const outcome = await label("no-key", ...judge().slice(0, 6), "--api-key-env", "NO_SUCH_KEY");
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain("the environment variable NO_SUCH_KEY is not set");
  });
});

describe("controls with files", () => {
  test("gold takes what is worth more", async () => {
    const outcome = await label("gold", "--teacher", "gold", "--gold", at("gold.jsonl"));
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(JSON.parse(outcome.stdout).counts).toMatchObject({ a: 20, b: 20, tie: 0 });
    const preferences = ["label", at("people.jsonl"), "--teacher", "gold", "--gold", at("gold.jsonl")];
    const refused = await weakTeacher([...preferences, "--out", at("gold-2")]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("whose order is drawn");
  });

  test("scores at the same place are taken again only of the very same teacher and the very same reading", async () => {
    const gold = (file: string, ...more: string[]) =>
      label("again", "--teacher", "gold", "--gold", at(file), ...more);
    await writeFile(at("other-gold.jsonl"), lines(pairs.map(({ id }) => ({ id, goldA: 1, goldB: 0 }))));
    const counts = async (outcome: ReturnType<typeof label>) => {
      const { code, stdout, stderr } = await outcome;
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout).counts;
    };
    expect(await counts(gold("gold.jsonl", "--limit", "10"))).toMatchObject({ pairs: 10, a: 5, b: 5 });
    expect(await counts(gold("gold.jsonl"))).toMatchObject({ pairs: 40, a: 20, b: 20 });
    expect(await counts(gold("other-gold.jsonl"))).toMatchObject({ pairs: 40, a: 40, b: 0 });
  });

  test("a noisy person is right as often as asked, whichever way the file has the pair", async () => {
    const noisy = ["--teacher", "noisy-human", "--human", at("people.jsonl")];
    const clean = await label("clean", ...noisy, "--noise", "flip", "--rate", "0");
    expect(clean.code, clean.stderr).toBe(0);
    const labels = (await readFile(at("clean", "labels.jsonl"), "utf8")).trim().split("\n");
    const sides = labels.map((line) => JSON.parse(line).preferred);
    expect(sides).toEqual(pairs.map(({ response_a }) => (response_a === "good" ? "a" : "b")));
    // The longer one is "bad bad": always.
    const biased = await label("biased", ...noisy, "--noise", "length-biased", "--rate", "1");
    const wrong = (await readFile(at("biased", "labels.jsonl"), "utf8")).trim().split("\n");
    expect(biased.code).toBe(0);
    expect(wrong.map((line) => JSON.parse(line).preferred)).toEqual(
      sides.map((side) => (side === "a" ? "b" : "a")),
    );
    expect((await label("annotators", ...noisy, "--noise", "annotator", "--rate", "0,0.4")).code).toBe(0);
    // The same pairs to calibrate on, their order drawn: one choice by id cannot be right for both files.
    const both = await label(
      "both",
      ...noisy,
      "--noise",
      "flip",
      "--rate",
      "0",
      "--calibrate",
      at("people.jsonl"),
    );
    expect([both.code, both.stderr]).toEqual([
      2,
      expect.stringContaining("with its candidates in other orders"),
    ]);
    const two = await label("two", ...noisy, "--noise", "flip", "--rate", "0,0.4");
    expect(two.stderr).toContain("--rate: expected one share for --noise flip, got 2");
  });
});

describe("combine", () => {
  test("labels of several teachers become one labelling with their disagreement beside; another pool is refused", async () => {
    const noisy = ["--teacher", "noisy-human", "--human", at("people.jsonl"), "--noise", "flip"];
    expect((await label("m1", ...noisy, "--rate", "0")).code).toBe(0);
    expect((await label("m2", "--teacher", "longer")).code).toBe(0);
    expect((await label("m3", "--teacher", "random")).code).toBe(0);
    const args = (...folders: string[]) => [
      "combine",
      at("pool.jsonl"),
      ...folders.map((name) => at(name)),
      "--out",
    ];
    const raw = await weakTeacher([...args("m1", "m2", "m3"), at("all")]);
    expect(raw.code).toBe(2);
    expect(raw.stderr).toMatch(/m1: was not calibrated, .*\n.*m2: was not calibrated, .*\n.*m3: was not/);
    const how = ["--top", "50", "--uncalibrated", "--json"];
    const outcome = await weakTeacher([...args("m1", "m2", "m3"), at("all"), ...how]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const { counts, members, uncertainty } = JSON.parse(outcome.stdout);
    expect(counts).toMatchObject({ pairs: 40, unselected: 20 });
    expect(members).toHaveLength(3);
    // "longer" is wrong in every pair, so never do all three agree.
    expect(uncertainty).toMatchObject({ members: 3, pairs: 40 });
    expect(uncertainty.agreement).toBeCloseTo(2 / 3, 9);
    const read = async (folder: string, file: string) =>
      (await readFile(at(folder, file), "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    const beside = await read("all", "uncertainty.jsonl");
    const first = (await read("m1", "labels.jsonl")).map(({ p_a }) => p_a as number);
    expect(beside).toHaveLength(40);
    expect(beside[0].p_a).toHaveLength(3);
    expect(beside.map(({ p_a: [one] }) => one)).toEqual(first);
    const other = await weakTeacher(["combine", at("people.jsonl"), at("m1"), at("m2"), "--out", at("no")]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("holds labels of another pool");
    expect((await weakTeacher([...args("m1"), at("no")])).stderr).toContain("expected at least two folders");
    for (const set of ["select.kind=promise", "select={kind: promise, max_disagreement: 0.2}"]) {
      const promise = await weakTeacher([...args("m1", "m2"), at("no"), "--set", set]);
      expect(promise.code).toBe(2);
      expect(promise.stderr).toContain("a promise needs pairs that no member was calibrated on");
    }
    const flag = await weakTeacher([...args("m1", "m2"), at("no"), "--max-disagreement", "0.2"]);
    expect(flag.stderr).toContain("unknown option '--max-disagreement'");
    expect(existsSync(at("no"))).toBe(false);
  });
});

describe("rules as flags", () => {
  test("a promise that cannot be made keeps nothing, says how many labels it would take, and is exit code 1", async () => {
    const people = pairs.map((pair, i) => rowOf(pair, i % 4 === 0)).slice(0, 12);
    await writeFile(at("few.jsonl"), lines(people.map((row, i) => ({ ...row, id: `few-${i}` }))));
    const rule = ["--calibrate", at("few.jsonl"), "--max-disagreement", "0.2"];
    const outcome = await weakTeacher([
      "label",
      at("pool.jsonl"),
      "--teacher",
      "longer",
      "--out",
      at("promise"),
      ...rule,
    ]);
    // The labels are written, and are not what was asked for.
    expect(outcome.code, outcome.stderr).toBe(1);
    expect(existsSync(at("promise", "labels.jsonl"))).toBe(true);
    // ln 0.05 / ln 0.8 = 13.4: fourteen held-out labels without one disagreement, and there are twelve.
    expect(outcome.stderr).toContain("error: ");
    expect(outcome.stderr).toContain(
      "nothing can be promised (asked: people disagree with at most 20 % of the labels, at 95 % confidence): 12 held-out labels are too few",
    );
    expect(outcome.stderr).toContain("expected at least 14");
    expect(existsSync(at("promise", "training.jsonl"))).toBe(false);
  });

  test("a rule that keeps nothing is exit code 1, and a percentage that reads like a share is warned of", async () => {
    const few = await label("few-kept", "--teacher", "longer", "--top", "0.3");
    expect(few.code).toBe(1);
    expect(few.stderr).toContain("error: ");
    expect(few.stderr).toContain("no label is kept of 40: the rule leaves out all");
    expect(few.stderr).toContain("warning: --top is in percent: 0.3 keeps 0.3 %, 30 keeps 30 %");
    const some = await label("some-kept", "--teacher", "longer", "--top", "30");
    expect(some.stderr).not.toMatch(/no label is kept|in percent/);
  });

  test("two rules, or a level without a promise, are exit code 2", async () => {
    const outcome = await label(
      "no",
      "--teacher",
      "longer",
      "--top",
      "10",
      "--min-confidence",
      "0.7",
      "--level",
      "0.9",
    );
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toBe(
      "error: --top, --min-confidence: choose among labels by one rule. Leave one.\n--level: has no effect without --max-disagreement. Leave it out.\n",
    );
  });
});
