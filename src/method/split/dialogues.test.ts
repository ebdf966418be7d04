import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unitOf } from "../data/normalise.ts";
import type { Message, PreferenceRow, Text } from "../data/rows.ts";
import { findDialogues, withDialogues, withoutDialogues } from "./dialogues.ts";
import { splitRows } from "./split.ts";

const row = (id: string, prompt: Text, chosen: Text, rejected: Text): PreferenceRow => ({
  id,
  prompt,
  chosen,
  rejected,
});
const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });
/** Ids of rows by their dialogue, sorted. */
const together = (rows: readonly PreferenceRow[]) => {
  const { keys } = findDialogues(rows);
  const sets = new Map<string, string[]>();
  for (const [i, { id }] of rows.entries()) sets.set(keys[i]!, [...(sets.get(keys[i]!) ?? []), id].sort());
  return [...sets.values()].sort();
};

/** Three turns of one dialogue, each row going on from the rejected response before, in several written forms. */
const FORMS: Record<string, (turns: readonly string[]) => Text> = {
  transcript: (turns) =>
    `${turns.map((turn, i) => `\n\n${i % 2 === 0 ? "Human" : "Assistant"}: ${turn}`).join("")}\n\nAssistant:`,
  messages: (turns) => turns.map((turn, i) => (i % 2 === 0 ? user(turn) : assistant(turn))),
  "messages with a system prompt": (turns) => [
    { role: "system", content: "Answer in one sentence." },
    ...turns.map((turn, i) => (i % 2 === 0 ? user(turn) : assistant(turn))),
  ],
  chatml: (turns) =>
    `<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n${turns
      .map((turn, i) => `<|im_start|>${i % 2 === 0 ? "user" : "assistant"}\n${turn}<|im_end|>\n`)
      .join("")}<|im_start|>assistant\n`,
  vicuna: (turns) =>
    `A chat between a curious being and a machine. ${turns
      .map((turn, i) => `${i % 2 === 0 ? "USER" : "ASSISTANT"}: ${turn}`)
      .join(" ")} ASSISTANT:`,
  plain: (turns) => turns.join("\n"),
};
const TURNS = ["May I ask?", "Of course.", "How tall is it?", "Very.", "How tall in metres?"];
const answerAs = (form: string, text: string): Text =>
  form.startsWith("messages") ? [assistant(text)] : ` ${text}`;
const rowsIn = (form: string, id: string) => {
  const write = FORMS[form]!;
  return [
    row(`${id}1`, write(TURNS.slice(0, 1)), answerAs(form, "Yes."), answerAs(form, TURNS[1]!)),
    row(`${id}2`, write(TURNS.slice(0, 3)), answerAs(form, "300."), answerAs(form, TURNS[3]!)),
    row(`${id}3`, write(TURNS), answerAs(form, "330 m."), answerAs(form, "I cannot say.")),
  ];
};

describe.each(Object.keys(FORMS))("%s", (form) => {
  test("rows that go on from another's rejected response are one dialogue, and tell its label", () => {
    const other = row("z", FORMS[form]!(["May I ask you?"]), answerAs(form, "No."), answerAs(form, "Do."));
    const rows = [...rowsIn(form, "a"), other];
    expect(together(rows)).toEqual([["a1", "a2", "a3"], ["z"]]);
    expect(findDialogues(rows).told).toEqual([
      [false, true],
      [false, true],
      [false, false],
      [false, false],
    ]);
  });

  test.each(Object.keys(FORMS))("one turn of it written as %s is found too", (second) => {
    const [first] = rowsIn(form, "a");
    const [, middle] = rowsIn(second, "b");
    expect(together([first!, middle!])).toEqual([["a1", "b2"]]);
  });
});

test("white space, case and punctuation hide nothing", () => {
  const rows = [
    row("a", "Q:  is it\tgood ?", "No", "Yes,   it is"),
    row("b", "q: IS it good?\n\n\nyes it is.\n\nwhy?", "Because.", "So."),
  ];
  expect(together(rows)).toEqual([["a", "b"]]);
});

test("links are followed from row to row, and through groups and equal prompts", () => {
  const rows = [
    row("a", "one", "two", "three"),
    row("b", "one two four", "five", "six"),
    { ...row("c", "ten", "eleven", "twelve"), meta: { group: "g" } },
    { ...row("d", "One two four", "seven", "eight"), meta: { group: "g" } },
    row("e", "ten twelve thirteen", "14", "15"),
    row("f", "ten 12 thirteen", "14", "15"),
  ];
  expect(together(rows)).toEqual([["a", "b", "c", "d", "e"], ["f"]]);
});

test("a response quoted in a prompt of another kind is a link; what is said everywhere is none", () => {
  const long = "The tower was finished in 1889, and for forty years nothing on earth was taller than it.";
  const canned = "I am sorry, but as a language model I can neither help you with this nor with that.";
  const rows = [
    row("a", "Tell me about the tower", long, "No."),
    row("b", `Is this answer right? "${long}" Say why.`, "Yes.", "No!"),
    row("c", "Rob a bank", canned, "Sure"),
    row("d", "Rob a train", canned, "Fine"),
    row("e", `Why would a machine say "${canned}"?`, "It was told to.", "It knows."),
  ];
  expect(together(rows)).toEqual([["a", "b"], ["c"], ["d"], ["e"]]);
});

test("a common system prompt or a common short answer joins nothing", () => {
  const ask = (question: string) => [{ role: "system", content: "Yes or no?" }, user(question)];
  const rows = Array.from({ length: 30 }, (_, i) =>
    row(`r${i}`, ask(`Is ${i} even?`), [assistant("Yes")], [assistant("No")]),
  );
  // The passage stands in the system prompt, and all ask alike: still thirty prompts.
  const passages = Array.from({ length: 30 }, (_, i) =>
    row(
      `p${i}`,
      [{ role: "system", content: `Passage ${i}.` }, user("True?")],
      [assistant("Yes")],
      [assistant("No")],
    ),
  );
  expect(findDialogues([...rows, ...passages]).linked.some(Boolean)).toBe(false);
});

test("scripts without spaces, and empty responses", () => {
  const rows = [
    row("a", "你好吗", "很好", ""),
    row("b", "你好吗很好那明天呢", "也好", "不好"),
    row("c", "你好", "嗯", "啊"),
  ];
  expect(together(rows)).toEqual([["a", "b"], ["c"]]);
});

test("rows without a prompt: long texts that go on are linked, short ones are not", () => {
  const long = "I went to the market in the morning and bought apples, pears and a melon.";
  const rows = [
    row("a", "", long, "I stayed."),
    row("b", "", `${long} Then I ate them.`, "I slept."),
    row("c", "", "I stayed. It was warm.", "I left."),
  ];
  expect(together(rows)).toEqual([["a", "b"], ["c"]]);
});

/** Dialogues as trees: each row goes on from one response of a row before it, or begins a dialogue of its own. */
const forest = fc
  .array(fc.record({ from: fc.nat(), side: fc.boolean(), fresh: fc.boolean() }), {
    minLength: 2,
    maxLength: 24,
  })
  .map((nodes) => {
    const rows: PreferenceRow[] = [];
    const trees: number[] = [];
    nodes.forEach(({ from, side, fresh }, i) => {
      const parent = fresh || i === 0 ? undefined : from % i;
      const start =
        parent === undefined
          ? ""
          : `${rows[parent]!.prompt}${side ? rows[parent]!.chosen : rows[parent]!.rejected}`;
      rows.push(row(`r${i}`, `${start}\n\nHuman: q${i}\n\nAssistant:`, ` yes ${i}`, ` no ${i}`));
      trees.push(parent === undefined ? i : trees[parent]!);
    });
    return { rows, trees };
  });

test("property: the dialogues are the trees, in any order of the rows, and no part of a split holds another's", () => {
  fc.assert(
    fc.property(forest, fc.integer(), ({ rows, trees }, seed) => {
      const expected = new Map<number, string[]>();
      for (const [i, { id }] of rows.entries())
        expected.set(trees[i]!, [...(expected.get(trees[i]!) ?? []), id].sort());
      expect(together(rows)).toEqual([...expected.values()].sort());
      expect(together(rows.toReversed())).toEqual([...expected.values()].sort());
      // A dialogue larger than a part leaves the split no choice.
      if (Math.max(...[...expected.values()].map(({ length }) => length)) > rows.length / 3) return;
      const { parts } = splitRows(rows, { seed, parts: { train: 0.5, test: 0.5 } });
      const tree = (part: readonly PreferenceRow[]) =>
        new Set(part.map(({ id }) => trees[Number(id.slice(1))]));
      expect([...tree(parts.train)].filter((one) => tree(parts.test).has(one))).toEqual([]);
    }),
  );
});

test("a dialogue of several prompts is one unit; a row alone stays as it is", () => {
  const rows = [...rowsIn("transcript", "a"), row("z", "alone", "x", "y")];
  const grouped = withDialogues(rows);
  expect(new Set(grouped.map(unitOf)).size).toBe(2);
  expect(grouped[3]).toEqual(rows[3]);
  expect(withDialogues(grouped)).toEqual(grouped);
});

test("parts of other files: what shares a dialogue with what is taken is left out, groups of one name are not one", () => {
  const [first, second, third] = rowsIn("transcript", "a");
  const grouped = (one: PreferenceRow, group: string) => ({ ...one, meta: { group } });
  const other = grouped(row("z", "alone", "x", "y"), "g");
  const { kept, left } = withoutDialogues([second!, third!, other], [grouped(first!, "g")]);
  expect([kept.map(({ id }) => id), left]).toEqual([["z"], 2]);
});
