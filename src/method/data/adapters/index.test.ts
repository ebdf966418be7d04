/** Every known shape, detected and read. Length: one test for each of the sixteen shapes. */
import { describe, expect, test } from "vitest";
import { detectFormat } from "../detect.ts";
import { ADAPTERS, adapterNamed } from "./index.ts";

/** What detection finds for one record, and what the adapter reads in it. */
function read(value: Record<string, unknown>, file = "x.jsonl") {
  const { adapter } = detectFormat([{ file, line: 1, value }]);
  return { name: adapter.name, ...adapter.parse(value) };
}

const user = (content: string) => ({ role: "user", content });
const said = (content: string) => ({ role: "assistant", content });

describe("each known shape is detected and read", () => {
  test("TRL, explicit prompt: text and messages", () => {
    expect(read({ id: 7, prompt: "p", chosen: "c", rejected: "r" })).toMatchObject({
      name: "trl",
      id: "7",
      prompt: "p",
      first: "c",
      second: "r",
      preferred: "first",
    });
    expect(read({ prompt: [user("p")], chosen: [said("c")], rejected: [said("r")] })).toMatchObject({
      name: "trl",
      prompt: [user("p")],
      first: [said("c")],
    });
  });

  test("TRL, implicit prompt: messages and text", () => {
    expect(read({ chosen: [user("p"), said("c")], rejected: [user("p"), said("r")] })).toMatchObject({
      name: "trl-implicit",
      prompt: [user("p")],
      first: [said("c")],
      second: [said("r")],
    });
    expect(read({ chosen: "The sky is blue.", rejected: "The sky is green." })).toMatchObject({
      name: "trl-implicit",
      prompt: "The sky is",
    });
  });

  test("HH-RLHF: the last shared Assistant turn ends the prompt, and the space stays with the response", () => {
    const front = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant:";
    expect(read({ chosen: `${front} yes`, rejected: `${front} no` })).toEqual({
      name: "hh-rlhf",
      prompt: front,
      first: " yes",
      second: " no",
      preferred: "first",
      meta: { flags: [] },
    });
    const early = {
      chosen: "\n\nHuman: a\n\nAssistant: x",
      rejected: "\n\nHuman: a\n\nAssistant: y\n\nHuman: z\n\nAssistant: w",
    };
    expect(read(early)).toMatchObject({
      prompt: "\n\nHuman: a\n\nAssistant:",
      second: " y\n\nHuman: z\n\nAssistant: w",
      meta: { flags: ["extra-turn"] },
    });
    expect(() =>
      read({ chosen: "\n\nHuman: a\n\nAssistant: x", rejected: "\n\nHuman: b\n\nAssistant: x" }),
    ).toThrow("share no");
  });

  test("OpenAI TL;DR comparisons: choice names the better summary", () => {
    const record = {
      info: { id: "t3", post: "Long.", title: "T", subreddit: "AskReddit" },
      summaries: [{ text: " one" }, { text: " two" }],
      choice: 1,
      worker: "w",
    };
    expect(read(record)).toEqual({
      name: "tldr",
      prompt: "SUBREDDIT: r/AskReddit\n\nTITLE: T\n\nPOST: Long.\n\nTL;DR:",
      first: " one",
      second: " two",
      preferred: "second",
    });
    expect(read({ ...record, choice: 0 })).toMatchObject({ preferred: "first" });
    expect(() => read({ ...record, summaries: [{ text: "one" }] })).toThrow("two summaries");
  });

  test("UltraFeedback-binarized: whole conversations beside a text prompt; equal scores are a tie", () => {
    const record = {
      prompt: "p",
      prompt_id: "x",
      chosen: [user("p"), said("c")],
      rejected: [user("p"), said("r")],
      messages: [],
      score_chosen: 8,
      score_rejected: 6.5,
    };
    expect(read(record)).toMatchObject({
      name: "ultrafeedback",
      prompt: [user("p")],
      first: [said("c")],
      preferred: "first",
      meta: { scoreFirst: 8, scoreSecond: 6.5 },
    });
    expect(read({ ...record, score_rejected: 8 })).toMatchObject({ preferred: "tie" });
    expect(() => read({ ...record, prompt: "another" })).toThrow(
      "not a message that both conversations share",
    );
  });

  test("distilabel: instruction or prompt, ratings", () => {
    const record = {
      instruction: "p",
      chosen: "c",
      chosen_model: "m",
      chosen_rating: 5,
      rejected: "r",
      rejected_model: "n",
      rejected_rating: 5,
    };
    expect(read(record)).toMatchObject({ name: "distilabel", prompt: "p", preferred: "tie" });
    expect(read({ ...record, rejected_rating: 1 })).toMatchObject({
      preferred: "first",
      meta: { scoreFirst: 5, scoreSecond: 1 },
    });
  });

  test("RewardBench: the subset is kept", () => {
    expect(
      read({
        prompt: "p",
        chosen: "c",
        chosen_model: "m",
        rejected: "r",
        rejected_model: "n",
        subset: "donotanswer",
        id: 3,
      }),
    ).toMatchObject({ name: "rewardbench", id: "3", meta: { subset: "donotanswer" } });
  });

  test("Arena: one vote of three, ties are ties, lists of turns become messages", () => {
    const record = {
      id: 1,
      prompt: '["p"]',
      response_a: '["x"]',
      response_b: '["y"]',
      winner_model_a: 0,
      winner_model_b: 1,
      winner_tie: 0,
    };
    expect(read(record)).toEqual({
      name: "arena",
      id: "1",
      prompt: [user("p")],
      first: [said("x")],
      second: [said("y")],
      preferred: "second",
    });
    expect(read({ ...record, winner_model_b: 0, winner_model_a: 1 })).toMatchObject({ preferred: "first" });
    expect(read({ ...record, winner_model_b: 0, winner_tie: 1 })).toMatchObject({ preferred: "tie" });
    expect(() => read({ ...record, winner_tie: 1 })).toThrow("expected exactly one 1");
    expect(() => read({ ...record, response_a: "[null]" })).toThrow("expected text");
    expect(read({ ...record, response_a: "[1] is a footnote" })).toMatchObject({
      first: [said("[1] is a footnote")],
    });
  });

  test("Arena conversations: winner by name", () => {
    const record = {
      question_id: "q",
      conversation_a: [user("p"), said("x")],
      conversation_b: [user("p"), said("y")],
      winner: "tie (bothbad)",
    };
    expect(read(record)).toMatchObject({ name: "arena-conversations", id: "q", preferred: "tie" });
    expect(read({ ...record, winner: "model_a" })).toMatchObject({ preferred: "first" });
    expect(read({ ...record, winner: "model_b" })).toMatchObject({ preferred: "second" });
    expect(() => read({ ...record, winner: "both" })).toThrow("expected model_a");
  });

  test("PKU-SafeRLHF: better_response_id", () => {
    const record = {
      prompt: "p",
      response_0: "x",
      response_1: "y",
      better_response_id: 1,
      safer_response_id: 0,
    };
    expect(read(record)).toMatchObject({ name: "pku-saferlhf", first: "x", preferred: "second" });
    expect(read({ ...record, better_response_id: 0 })).toMatchObject({ preferred: "first" });
    expect(() => read({ ...record, better_response_id: 2 })).toThrow("expected 0 or 1");
  });

  test("SHP: labels 1 means A; comments on one post are one group", () => {
    const record = {
      post_id: "abc",
      domain: "askculinary",
      history: "p",
      human_ref_A: "x",
      human_ref_B: "y",
      labels: 0,
      score_A: 3,
      score_B: 9,
    };
    expect(read(record)).toMatchObject({
      name: "shp",
      preferred: "second",
      groupKeys: ["post abc"],
      meta: { subset: "askculinary", scoreFirst: 3, scoreSecond: 9 },
    });
    expect(read({ ...record, labels: 1 })).toMatchObject({ preferred: "first" });
  });

  test("AlpacaEval annotations: 1 to 2, halfway is a tie", () => {
    const record = { instruction: "p", output_1: "x", output_2: "y", preference: 1.02, annotator: "a" };
    expect(read(record)).toMatchObject({ name: "alpaca-eval", preferred: "first" });
    expect(read({ ...record, preference: 2 })).toMatchObject({ preferred: "second" });
    expect(read({ ...record, preference: 1.5 })).toMatchObject({ preferred: "tie" });
    expect(() => read({ ...record, preference: null })).toThrow("is null");
    expect(() => read({ ...record, preference: 3 })).toThrow("expected 1 to 2");
  });

  test("pools: two responses and no preference, in several spellings", () => {
    expect(read({ id: "i", prompt: "p", response_a: "x", response_b: "y" })).toMatchObject({
      name: "pool",
      id: "i",
      first: "x",
      second: "y",
      preferred: "none",
    });
    expect(read({ prompt: "p", output_1: "x", output_2: "y" })).toMatchObject({ name: "pool", second: "y" });
    expect(read({ prompt: "p", responses: ["x", "y"] })).toMatchObject({ name: "pool", first: "x" });
    expect(() => read({ prompt: "p", responses: ["x", "y", "z"] })).toThrow("expected a list of two");
  });

  test("our labels; a tie among them is refused", () => {
    const record = {
      prompt: "p",
      chosen: "c",
      rejected: "r",
      id: "i",
      chosen_index: 1,
      score_chosen: 2,
      score_rejected: 1,
      label_source: "t",
      flags: [],
    };
    expect(read(record)).toMatchObject({
      name: "labels",
      id: "i",
      preferred: "first",
      meta: { scoreFirst: 2, scoreSecond: 1 },
    });
    expect(() => read({ ...record, flags: ["tie"] })).toThrow("no preference");
  });

  test("ETHICS: the shared opening is the prompt; a side that adds nothing is left out", () => {
    const csv = (column1: string, column2: string) => read({ column1, column2 }, "util_train.csv");
    expect(csv("I ran. I won.", "I ran. I fell. Ow.")).toMatchObject({
      name: "ethics",
      prompt: "I ran.",
      first: " I won.",
      second: " I fell. Ow.",
      preferred: "first",
      groupKeys: ["opening i ran", "opening i ran"],
    });
    expect(csv("I ran.", "I ran. I fell.")).toEqual({
      name: "ethics",
      leaveOut: "one side adds nothing to the opening",
    });
    expect(csv("I ran.", "You ran.")).toEqual({ name: "ethics", leaveOut: "no shared opening" });
    expect(
      adapterNamed("ethics-whole").parse({ column1: "I ran.", column2: "I ran. I fell. " }),
    ).toMatchObject({ prompt: "", first: "I ran.", second: "I ran. I fell." });
    expect(() => read({ column1: "a b.", column2: "c d." }, "pairs.csv")).toThrow("fit no known shape");
  });
});

test("what is missing or of a wrong kind names the column and a remedy", () => {
  const trl = adapterNamed("trl");
  const problem = (value: Record<string, unknown>) => {
    try {
      trl.parse(value);
    } catch (error) {
      return error;
    }
    return undefined;
  };
  expect(problem({ prompt: "p", chosen: "c", rejectd: "r" })).toMatchObject({
    column: "rejected",
    message: "is missing",
    fix: expect.stringContaining('did you mean "rejectd"?'),
  });
  expect(problem({ prompt: "p", chosen: 3, rejected: "r" })).toMatchObject({
    column: "chosen",
    message: "is a number, expected text",
  });
  expect(problem({ prompt: "p", chosen: null, rejected: "r" })).toMatchObject({
    message: "is null",
    fix: expect.stringMatching(/--map; columns are prompt, chosen, rejected\.$/),
  });
  expect(problem({ prompt: "p", chosen: [{ role: "assistant" }], rejected: "r" })).toMatchObject({
    column: "chosen[0].content",
  });
  expect(problem({ prompt: "p", chosen: "\ud800", rejected: "r" })).toMatchObject({
    message: expect.stringContaining("half a character"),
  });
  expect(problem({ prompt: [user("p")], chosen: "c", rejected: "r" })).toMatchObject({
    message: expect.stringContaining("messages, text, text"),
  });
});

test("names are unique and a wrong one gets a suggestion", () => {
  expect(new Set(ADAPTERS.map((adapter) => adapter.name)).size).toBe(ADAPTERS.length);
  expect(() => adapterNamed("hh-rlfh")).toThrow('did you mean "hh-rlhf"?');
});
