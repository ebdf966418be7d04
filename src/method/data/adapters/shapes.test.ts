/** Shapes of LLaMA-Factory, axolotl, UltraFeedback, Nectar, HelpSteer and the newer arena, by hand. Length: each shape has a test of its own. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { said, user } from "../../../../test/helpers/shape-samples.ts";
import { splitRows } from "../../split/split.ts";
import { readCandidates, readPreferences } from "../load.ts";
import { openCandidates } from "../stream-candidates.ts";

/** Reads rows of a file, as a list and as a stream, which must agree. */
async function read(rows: readonly object[], options: { ignore?: string[]; format?: string } = {}) {
  const file = join(await mkdtemp(join(tmpdir(), "wt-shapes-")), "pairs.jsonl");
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const loaded = await readPreferences(file, options);
  const listed = await readCandidates(file, { ...options, seed: 1 });
  const stream = await openCandidates(file, { ...options, seed: 1 });
  expect(stream.report).toEqual(listed.report);
  let i = 0;
  for await (const { id, prompt, a, b } of stream.pairs()) {
    const pair = listed.pairs[i++]!;
    expect({ id, prompt, a, b }).toEqual({ id: pair.id, prompt: pair.prompt, a: pair.a, b: pair.b });
  }
  expect(i).toBe(listed.pairs.length);
  return loaded;
}

const told = (content: string) => ({ role: "system", content });

test("Prometheus: what was compared, not the judge's question and answer about it", async () => {
  const judged = { orig_criteria: "true?", instruction: "Which is better?", output: "[RESULT] B" };
  const asked = {
    orig_instruction: "Where do fish live?",
    orig_response_A: "In trees.",
    orig_response_B: "In water.",
  };
  const { rows, report } = await read([
    { ...asked, orig_preference: "B", ...judged },
    { ...asked, orig_response_A: "In the sea.", orig_preference: "A", ...judged },
  ]);
  expect(report.format).toBe("prometheus");
  expect(rows.map(({ prompt, chosen, rejected }) => [prompt, chosen, rejected])).toEqual([
    ["Where do fish live?", "In water.", "In trees."],
    ["Where do fish live?", "In the sea.", "In water."],
  ]);
});

describe("LLaMA-Factory and axolotl", () => {
  test("instruction and input make the prompt, a blank input adds nothing", async () => {
    const { rows, report } = await read([
      { instruction: "Say it in Dutch.", input: "hello", chosen: "hallo", rejected: "hola" },
      { instruction: "Count to two.", input: "", chosen: "1, 2", rejected: "2" },
    ]);
    expect(report.format).toBe("instruction");
    expect(rows.map(({ prompt }) => prompt)).toEqual(["Say it in Dutch.\nhello", "Count to two."]);
    expect(rows[0]).toMatchObject({ chosen: "hallo", rejected: "hola" });
  });

  test("system and history become turns; all rows are conversations then", async () => {
    const { rows, report } = await read([
      {
        instruction: "And in Dutch?",
        input: "",
        chosen: "hallo",
        rejected: "hola",
        system: "You translate.",
        history: [["hello in German?", "hallo"]],
      },
      { instruction: "Count to two.", input: "", chosen: "1, 2", rejected: "2", system: "", history: [] },
    ]);
    expect(rows[0]!.prompt).toEqual([
      told("You translate."),
      user("hello in German?"),
      said("hallo"),
      user("And in Dutch?"),
    ]);
    expect(rows[1]).toMatchObject({ prompt: [user("Count to two.")], chosen: [said("1, 2")] });
    expect(report.columns).toContainEqual({
      column: "history",
      fate: "used",
      note: "earlier turns",
      rows: 1,
    });
  });

  test("sharegpt pairs: from/value and role/content, tools as JSON, calls and observations", async () => {
    const { rows } = await read([
      {
        conversations: [
          { from: "human", value: "How warm is it?" },
          { from: "function_call", value: '{"name": "weather", "arguments": {"day": 1}}' },
          { from: "observation", value: "21" },
        ],
        chosen: { from: "gpt", value: "21 degrees." },
        rejected: { from: "gpt", value: "Cold." },
        system: "You know the weather.",
        tools: '[{"name": "weather", "parameters": {}}]',
      },
    ]);
    expect(rows[0]!.prompt).toEqual([
      {
        ...told("You know the weather."),
        template_inputs: { tools: [{ name: "weather", parameters: {} }] },
      },
      user("How warm is it?"),
      {
        role: "assistant",
        content: "",
        tool_calls: [{ type: "function", function: { name: "weather", arguments: { day: 1 } } }],
      },
      { role: "tool", content: "21" },
    ]);
    expect(rows[0]!.chosen).toEqual([said("21 degrees.")]);
    const openai = await read([{ messages: [user("Hm?")], chosen: said("Yes."), rejected: said("No.") }]);
    expect(openai.rows[0]).toMatchObject({ prompt: [user("Hm?")], rejected: [said("No.")] });
    await expect(
      read([{ conversations: [{ from: "alien", value: "x" }], chosen: "a b", rejected: "b c" }]),
    ).rejects.toThrow(/from.*"alien", expected one of human, user, gpt/);
  });

  test("from/value lists with the prompt inside", async () => {
    const gpt = (value: string) => [
      { from: "human", value: "Where?" },
      { from: "gpt", value },
    ];
    const { rows } = await read([{ chosen: gpt("Here."), rejected: gpt("There.") }]);
    expect(rows[0]).toMatchObject({ prompt: [user("Where?")], chosen: [said("Here.")] });
  });

  test("axolotl: system with question, prompt or instruction; whole conversations as chosen", async () => {
    const answers = { chosen: "Yes.", rejected: "No." };
    const prompts = await Promise.all(
      [
        { system: "Be brief.", question: "Hm?", ...answers },
        { system: "Be brief.", prompt: "Hm?", ...answers },
        { system: "Be brief.", input: "Hm?", ...answers },
        { system: "Be brief.", instruction: "Hm?", chosen_response: "Yes.", rejected_response: "No." },
        {
          system: "Be brief.",
          prompt: "Hm?",
          chosen: [user("Hm?"), said("Yes.")],
          rejected: [user("Hm?"), said("No.")],
        },
      ].map(async (row) => (await read([row])).rows[0]!),
    );
    for (const { prompt, chosen } of prompts) {
      expect(prompt).toEqual([told("Be brief."), user("Hm?")]);
      expect(chosen).toEqual([said("Yes.")]);
    }
  });

  test("two system messages that differ are refused; a transcript takes none", async () => {
    const answers = { chosen: [said("Yes.")], rejected: [said("No.")] };
    await expect(
      read([{ system: "Be brief.", prompt: [told("Be long."), user("Hm?")], ...answers }]),
    ).rejects.toThrow(/not the system message that the conversation begins with/);
    await expect(
      read([{ system: "Be brief.", prompt: "Human: Hm?\n\nAssistant:", chosen: " Yes.", rejected: " No." }]),
    ).rejects.toThrow(/a text that holds its turns.*--ignore system/s);
    const { rows, report } = await read(
      [{ system: "Be brief.", prompt: "Human: Hm?\n\nAssistant:", chosen: " Yes.", rejected: " No." }],
      { ignore: ["system"] },
    );
    expect(rows[0]!.prompt).toBe("Human: Hm?\n\nAssistant:");
    expect(report.columns).toContainEqual({ column: "system", fate: "ignored", note: "as asked", rows: 1 });
  });
});

describe("what could be the question is never passed over", () => {
  const answers = { chosen: "It is four.", rejected: "It is five." };
  test.each(["context", "passage", "story", "Q"])("%s beside chosen and rejected", async (column) => {
    await expect(read([{ [column]: "Two and two make what?", ...answers }])).rejects.toThrow(
      new RegExp(`"${column}" may.*--ignore ${column}[\\s\\S]*Columns:[\\s\\S]*${column} +REFUSED`),
    );
  });
  test("question beside context; the row is named wherever it stands", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({
      question: `What is ${i}?`,
      ...answers,
      context: "",
    }));
    expect((await read(rows)).rows).toHaveLength(30);
    rows[25]!.context = "Two and two.";
    await expect(read(rows)).rejects.toThrow(/:26: "context" may change/);
  });
  test("a shape that could be two is refused with both named", async () => {
    await expect(
      read([
        { prompt: "Two?", chosen: "2", rejected: "3", conversation_a: [], conversation_b: [], winner: "tie" },
      ]),
    ).rejects.toThrow(/several shapes[\s\S]*--format arena-conversations: reads[\s\S]*--format trl: reads/);
  });
});

describe("several responses to a prompt", () => {
  test("UltraFeedback: every two completions, rated by the mean over aspects", async () => {
    const completion = (response: string, ratings: (string | number)[], overall_score: number) => ({
      response,
      overall_score,
      annotations: Object.fromEntries(ratings.map((Rating, i) => [`aspect${i}`, { Rating: String(Rating) }])),
    });
    const { rows, ties, report } = await read([
      {
        id: "u",
        instruction: "Name a fruit.",
        completions: [
          completion("Stone.", [1, 2], 10),
          completion("Apple.", [5, 4], 7),
          completion("Pear.", [4.5, "N/A"], 7),
        ],
        source: "made",
      },
    ]);
    // means 1.5, 4.5, 4.5: two preferences and a tie of three pairs
    expect(rows.map(({ id, chosen, rejected }) => [id, chosen, rejected])).toEqual([
      ["u:1", "Apple.", "Stone."],
      ["u:2", "Pear.", "Stone."],
    ]);
    expect(rows[0]!.meta).toMatchObject({ scoreChosen: 4.5, scoreRejected: 1.5 });
    expect(ties.map(({ id, chosen }) => [id, chosen])).toEqual([["u:3", "Apple."]]);
    expect(report).toMatchObject({ records: 1, rows: 2, ties: 1 });
    expect(report.why).toContain("every two completions make a pair");
    const fine = await read([
      {
        instruction: "Name a fruit.",
        completions: [
          { response: "Stone.", "fine-grained_score": 1, overall_score: 9 },
          { response: "Apple.", "fine-grained_score": 4, overall_score: 2 },
        ],
      },
    ]);
    expect(fine.rows[0]).toMatchObject({ chosen: "Apple.", rejected: "Stone." });
  });

  test("rankings: rank 1 is best, equal ranks are ties; one prompt stays in one part", async () => {
    const row = (n: number) => ({
      prompt: `Question ${n}?`,
      answers: [
        { answer: `b${n}`, rank: 2, model: "m" },
        { answer: `a${n}`, rank: 1, model: "m" },
        { answer: `c${n}`, rank: 2, model: "m" },
      ],
    });
    const { rows, ties } = await read([1, 2, 3, 4, 5, 6].map(row));
    expect(rows.slice(0, 2).map(({ chosen, rejected }) => [chosen, rejected])).toEqual([
      ["a1", "b1"],
      ["a1", "c1"],
    ]);
    expect(ties).toHaveLength(6);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(12);
    const { parts } = splitRows(rows, { seed: 4, parts: { left: 0.5, right: 0.5 } });
    const prompts = (part: "left" | "right") => new Set(parts[part].map(({ prompt }) => prompt));
    expect([...prompts("left")].filter((prompt) => prompts("right").has(prompt))).toEqual([]);
  });

  test("HelpSteer2: successive rows of one prompt; one alone is left out and counted", async () => {
    const row = (prompt: string, response: string, helpfulness: number) => ({
      prompt,
      response,
      helpfulness,
      verbosity: 1,
    });
    const long = "Hi.\n<extra_id_1>Assistant\nHello.\n<extra_id_1>User\nHow far?";
    const { rows, ties, report } = await read([
      row("Far?", "Yes.", 1),
      row("Far?", "Two miles.", 4),
      row("Near?", "Yes.", 2),
      row("High?", "Yes.", 3),
      row("High?", "So.", 3),
      row(long, "Ten.", 4),
      row(long, "Hm.", 0),
    ]);
    expect(rows[0]).toMatchObject({
      prompt: [user("Far?")],
      chosen: [said("Two miles.")],
      rejected: [said("Yes.")],
    });
    expect(rows[1]!.prompt).toEqual([user("Hi."), said("Hello."), user("How far?")]);
    expect(ties).toHaveLength(1);
    expect(report).toMatchObject({ records: 7, leftOut: { "only one response to its prompt": 1 } });
    expect(report.columns).toContainEqual({
      column: "verbosity",
      fate: "harmless",
      note: "another rating than helpfulness",
      rows: 3,
    });
  });

  test("strength of a preference: below 0 the first, above 0 the second, 0 a tie", async () => {
    const row = (overall_preference: number) => ({
      domain: "code",
      context: [user("Sum?")],
      response1: "a + b",
      response2: "a - b",
      overall_preference,
      individual_preference: [{ score: -1, reasoning: "The first one adds." }],
    });
    const { rows, ties } = await read([row(-2), row(1), row(0)]);
    expect(rows.map(({ chosen }) => chosen)).toEqual([[said("a + b")], [said("a - b")]]);
    expect(rows[0]!.meta).toMatchObject({ subset: "code" });
    expect(ties).toHaveLength(1);
  });
});

describe("the arena with content parts", () => {
  const part = (role: string, text: string) => ({
    role,
    content: [{ type: "text", text, image: null, mimeType: null }],
  });
  const vote = (winner: string, more: object = {}) => ({
    id: winner,
    model_a: "m",
    model_b: "n",
    winner,
    evaluation_order: 1,
    conversation_a: [part("user", "Why?"), part("assistant", "So.")],
    conversation_b: [part("user", "Why?"), part("assistant", "No.")],
    conv_metadata: { sum_user_tokens: 2 },
    is_code: false,
    ...more,
  });

  test("both_bad is a tie; text parts are text", async () => {
    const { rows, ties } = await read([vote("model_a"), vote("model_b"), vote("tie"), vote("both_bad")]);
    expect(rows.map(({ prompt, chosen }) => [prompt, chosen])).toEqual([
      [[user("Why?")], [said("So.")]],
      [[user("Why?")], [said("No.")]],
    ]);
    expect(ties.map(({ id }) => id)).toEqual(["tie", "both_bad"]);
  });

  test("an image is refused, or left out on purpose", async () => {
    const shown = {
      role: "user",
      content: [
        { type: "text", text: "What is it?" },
        { type: "image", image: "x.png" },
      ],
    };
    const seen = vote("model_a", {
      conversation_a: [shown, part("assistant", "A cat.")],
      conversation_b: [shown, part("assistant", "A dog.")],
    });
    await expect(read([seen])).rejects.toThrow(/part of type "image", expected text.*--ignore image/);
    expect((await read([seen], { ignore: ["image"] })).rows[0]!.prompt).toEqual([user("What is it?")]);
  });

  test("conversations written as JSON, as tables of text have them, are read; in Python's notation they are told", async () => {
    const full = [
      {
        user: part("user", "Why?"),
        model_side_a: part("assistant", "So."),
        model_side_b: part("assistant", "No."),
      },
    ];
    const value = vote("model_b", { full_conversation: full });
    const written = Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        typeof inner === "object" ? JSON.stringify(inner) : inner,
      ]),
    );
    const { rows } = await read([written]);
    expect(rows[0]).toMatchObject({ prompt: [user("Why?")], chosen: [said("No.")] });
    // A member of a written message is accounted for as that of any other.
    const weighed = JSON.stringify([{ ...user("Why?"), weight: 0 }, said("So.")]);
    await expect(read([{ ...written, conversation_a: weighed }])).rejects.toThrow(
      /"conversation_a\[\]\.weight" may change/,
    );
    const folder = await mkdtemp(join(tmpdir(), "wt-shapes-"));
    const csv = async (cells: readonly string[]) => {
      const file = join(folder, "votes.csv");
      const line = (list: readonly string[]) =>
        `${list.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",")}\n`;
      await writeFile(file, line(["conversation_a", "conversation_b", "winner"]) + line(cells));
      return readPreferences(file);
    };
    const [a, b] = [value.conversation_a, value.conversation_b].map((list) => JSON.stringify(list));
    expect((await csv([a!, b!, "model_a"])).rows[0]).toMatchObject({ chosen: [said("So.")] });
    const python = "[{'role': 'user', 'content': 'Why?'}\n {'role': 'assistant', 'content': 'So.'}]";
    await expect(csv([python, b!, "model_a"])).rejects.toThrow(
      /votes\.csv:2: column "conversation_a" holds messages in Python's notation, expected JSON/,
    );
  });

  test("earlier turns of the full conversation are not passed over", async () => {
    const turn = {
      user: part("user", "Why?"),
      model_side_a: part("assistant", "So."),
      model_side_b: part("assistant", "No."),
    };
    expect((await read([vote("model_a", { full_conversation: [turn] })])).rows).toHaveLength(1);
    const earlier = { ...turn, user: part("user", "And what of that before?") };
    await expect(read([vote("model_a", { full_conversation: [earlier, turn] })])).rejects.toThrow(
      /"full_conversation" may/,
    );
  });
});
