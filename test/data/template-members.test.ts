/** Tools, arguments of the template and members of messages: from the file to the token ids, and through every file of ours. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodePair } from "../../src/engine/text/pair.ts";
import { readCandidates, readPreferences } from "../../src/method/data/load.ts";
import { readPool, writePoolFile } from "../../src/method/data/pool.ts";
import { isEmptyText, type PreferenceRow, promptId } from "../../src/method/data/rows.ts";
import { writeLabels, writePreferences } from "../../src/method/data/writers.ts";
import { judgePrompt, judgeQuestions } from "../../src/method/teacher/judge.ts";
import { oneMessage, preferenceRecords, refuseTemplateMembers } from "../../src/pipeline/elsewhere/rows.ts";
import { chatTokenizer } from "../helpers/chat-tokenizer.ts";
import { said, user } from "../helpers/shape-samples.ts";

const TOOLS = [{ type: "function", function: { name: "tide", parameters: {} } }];
const CALL = { type: "function", function: { name: "tide", arguments: { port: "Delft" } } };
const ROW = {
  id: "w1",
  prompt: [{ role: "user", name: "Bo", content: "High water?" }],
  chosen: [{ role: "assistant", reasoning_content: "Ask the tool.", content: null, tool_calls: [CALL] }],
  rejected: [{ role: "assistant", reasoning_content: "Guess.", content: "At noon." }],
  tools: TOOLS,
  chat_template_kwargs: { enable_thinking: false },
};
const PLAIN = { id: "w2", prompt: [user("Low water?")], chosen: [said("At six.")], rejected: [said("No.")] };

const TEMPLATE = `{% if tools %}[tools {{ tools | length }} {{ tools[0].function.name }}]{% endif %}{% if enable_thinking is defined and not enable_thinking %}[no thinking]{% endif %}{% for m in messages %}[{{ m.role }}{% if m.name %} {{ m.name }}{% endif %}]{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}{% for c in m.tool_calls or [] %}[call {{ c.function.name }} {{ c.function.arguments.port }}]{% endfor %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}`;

async function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "wt-template-"));
}

async function file(rows: readonly object[]): Promise<string> {
  const path = join(await folder(), "pairs.jsonl");
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** What a model reads of a row: the prompt with each response. */
function seen({ prompt, chosen, rejected }: PreferenceRow): [string, string] {
  const tokenizer = chatTokenizer(TEMPLATE);
  const ids = encodePair(
    tokenizer,
    { prompt, a: chosen, b: rejected },
    { maxLength: 4096, maxPromptLength: 2048 },
  );
  expect(ids.flags).not.toContain("empty_a");
  const text = (response: number[]) => tokenizer.decode([...ids.prompt, ...response]);
  return [text(ids.a), text(ids.b)];
}

const GOOD =
  "[tools 1 tide][no thinking][user Bo]High water?[assistant]<think>Ask the tool.</think>[call tide Delft]</s>";
const BAD = "[tools 1 tide][no thinking][user Bo]High water?[assistant]<think>Guess.</think>At noon.</s>";

test("the chat template is given what the row has, and the columns are said to be used", async () => {
  const { rows, report } = await readPreferences(await file([ROW, PLAIN]));
  expect(seen(rows[0]!)).toEqual([GOOD, BAD]);
  expect(seen(rows[1]!)[0]).toBe("[user]Low water?[assistant]At six.</s>");
  const used = report.columns.filter(({ note }) => note === "given to the chat template");
  expect(used.map(({ column }) => column)).toEqual([
    "prompt[].name",
    "chosen[].reasoning_content",
    "chosen[].tool_calls",
    "rejected[].reasoning_content",
    "tools",
    "chat_template_kwargs",
  ]);
});

test("tools and calls may be JSON in a table's cells; arguments that the template sets itself are refused", async () => {
  const calls = [{ ...ROW.chosen[0]!, tool_calls: JSON.stringify([CALL]) }];
  const { rows } = await readPreferences(
    await file([{ ...ROW, tools: JSON.stringify(TOOLS), chosen: calls }]),
  );
  expect(seen(rows[0]!)).toEqual([GOOD, BAD]);
  await expect(
    readPreferences(await file([{ ...ROW, chat_template_kwargs: { messages: [] } }])),
  ).rejects.toThrow("sets messages");
  await expect(readPreferences(await file([{ ...ROW, tools: "weather" }]))).rejects.toThrow(
    "no list of tool descriptions",
  );
  await expect(
    readPreferences(
      await file([{ prompt: "Human: Hm?\n\nAssistant:", chosen: "a", rejected: "b", tools: TOOLS }]),
    ),
  ).rejects.toThrow(/belongs to a conversation.*--ignore tools/s);
});

test("nothing of it is lost in the files that we write", async () => {
  const { rows } = await readPreferences(await file([ROW, PLAIN]));
  const out = await folder();
  for (const name of ["kept.jsonl", "kept.parquet"]) {
    await writePreferences(join(out, name), rows);
    const again = await readPreferences(join(out, name));
    expect(again.rows).toEqual(rows);
  }
  const label = {
    chosenIndex: 0,
    scoreChosen: 1,
    scoreRejected: 0,
    margin: 1,
    pChosen: 0.7,
    weight: 1,
    labelSource: "t",
    flags: [],
  } as const;
  for (const name of ["labels.jsonl", "labels.parquet"]) {
    await writeLabels(
      join(out, name),
      rows.map((row) => ({ ...row, ...label })),
    );
    const again = await readPreferences(join(out, name));
    expect(again.report.format).toBe("labels");
    expect(again.rows.map(seen)).toEqual(rows.map(seen));
  }
  const { pairs } = await readCandidates(await file([ROW, PLAIN]), { seed: 1 });
  await writePoolFile(out, pairs);
  expect(await readPool(out)).toEqual(pairs);
});

test("exports carry it for TRL and refuse it where it would be lost", async () => {
  const { rows } = await readPreferences(await file([ROW, PLAIN]));
  expect(preferenceRecords(rows)[0]).toMatchObject({
    tools: TOOLS,
    chat_template_kwargs: { enable_thinking: false },
  });
  expect(JSON.stringify(preferenceRecords(rows))).not.toContain("template_inputs");
  expect(() => refuseTemplateMembers("axolotl", rows)).toThrow(/--to axolotl: row w1 has tools/);
  expect(() => refuseTemplateMembers("axolotl", rows.slice(1))).not.toThrow();
  expect(oneMessage("axolotl", rows[1]!, "chosen")).toEqual(said("At six."));
});

test("a call is no silence, other tools make another prompt, and a judge sees all of it", async () => {
  const { rows } = await readPreferences(await file([ROW, { ...ROW, id: "w3", tools: [] }]));
  const [row, bare] = rows as [PreferenceRow, PreferenceRow];
  expect(isEmptyText(row.chosen)).toBe(false);
  expect(promptId(row.prompt)).not.toBe(promptId(bare.prompt));
  const [question] = judgeQuestions(judgePrompt(), {
    id: row.id,
    prompt: row.prompt,
    a: row.chosen,
    b: row.rejected,
  });
  for (const part of ["tools: [", "user (Bo): High water?", "Ask the tool.", '"port":"Delft"', "At noon."])
    expect(question).toContain(part);
});

test("a template that leaves the reasoning out is told of", async () => {
  const tokenizer = chatTokenizer(
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
  );
  const { rows } = await readPreferences(await file([ROW]));
  const { prompt, chosen, rejected } = rows[0]!;
  const { flags } = encodePair(
    tokenizer,
    { prompt, a: chosen, b: rejected },
    { maxLength: 4096, maxPromptLength: 2048 },
  );
  expect(flags).toContain("dropped_text");
});
