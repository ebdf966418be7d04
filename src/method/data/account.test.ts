/** Nothing in a row vanishes: over all shapes, and over columns that are named. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SHAPE_SAMPLES, said, user } from "../../../test/helpers/shape-samples.ts";
import { isRecord } from "../../base/files/record.ts";
import { type Account, accountFor, messagesIn, refuse } from "./account.ts";
import { type Adapter, type ParsedPair, RowProblem, TOGETHER } from "./adapters/adapter.ts";
import { parseColumnMap } from "./adapters/column-map.ts";
import { ADAPTERS, adapterNamed } from "./adapters/index.ts";
import { mapAdapter } from "./adapters/map.ts";
import { detectFormat } from "./detect.ts";
import { parseRecord } from "./parse-record.ts";

type Value = Readonly<Record<string, unknown>>;
type Outcome = { pairs: readonly ParsedPair[]; accounts: readonly Account[] } | { problem: string };

/** What a reader makes of a record, or why it refuses it. */
function read(adapter: Adapter, value: Value): Outcome {
  try {
    const parsed = parseRecord(adapter, value);
    if ("leaveOut" in parsed) return { problem: parsed.leaveOut };
    refuse(parsed.accounts);
    return parsed;
  } catch (error) {
    if (!(error instanceof RowProblem)) throw error;
    return { problem: `${error.column} ${error.message}` };
  }
}

const CASES = [
  ...SHAPE_SAMPLES.map(({ format, value }) => ({
    adapter: adapterNamed(format),
    value:
      format === "helpsteer" ? { [TOGETHER]: [value, { ...value, response: "So.", helpfulness: 1 }] } : value,
  })),
  {
    adapter: mapAdapter(parseColumnMap("prompt=q,chosen=good,rejected=bad,id=key,group=topic")),
    value: { q: "Is it far?", good: "No, near.", bad: "Go away.", key: "k1", topic: "roads" },
  },
  {
    adapter: mapAdapter(parseColumnMap("prompt=q.text,response_a=x,response_b=y")),
    value: { q: { text: "Is it far?" }, x: "No, near.", y: "Go away." },
  },
  {
    adapter: mapAdapter(
      parseColumnMap("prompt=ask+more,a=one,b=two,label=anna;ben;cleo,values=1:a;2:b;0:tie,subset=kind"),
    ),
    value: {
      ...{ ask: "Is it far?", more: "By foot.", one: "No, near.", two: "Go away.", kind: "roads" },
      ...{ anna: 1, ben: 1, cleo: 2 },
    },
  },
  {
    adapter: mapAdapter(parseColumnMap("prompt=ask,a=one,b=two,label=votes,values=a:a;b:b")),
    value: { ask: "Is it far?", one: "No, near.", two: "Go away.", votes: ["a", "a", "b"] },
  },
  {
    adapter: mapAdapter(parseColumnMap("chosen=good,rejected=bad")),
    value: { good: "Is it far? No, near.", bad: "Is it far? Go away." },
  },
];

test("every shape has a sample, and each sample is taken for its shape", () => {
  const named = new Set(SHAPE_SAMPLES.map(({ format }) => format));
  expect(ADAPTERS.map(({ name }) => name).filter((name) => !named.has(name))).toEqual([]);
  for (const { format, file = "x.jsonl", value } of SHAPE_SAMPLES)
    if (format !== "ethics-whole") expect(detectFormat([{ file, line: 1, value }]).adapter.name).toBe(format);
});

const NAMES = fc.oneof(
  fc.constantFrom(
    ..."system history tools chat_template_kwargs question instruction input context images messages".split(
      " ",
    ),
    ..."source timestamp score model language conversation_id num_turns extra topic name weight".split(" "),
    ..."reasoning_content tool_calls tool_call_id thinking label gold note".split(" "),
  ),
  fc.stringMatching(/^[a-z_]{1,12}$/),
);
const VALUES = fc.oneof(
  fc.constantFrom("Answer in rhyme and be brief.", "yes", 3, true, null, "", [], {}, ["a b c", "d e f"]),
  fc.constant([["Who are you really?", "A friend of yours."]]),
  fc.constant([{ type: "function", function: { name: "weather" } }]),
  fc.constant([user("What did I say before this?")]),
  fc.constant({ enable_thinking: false }),
  fc.string(),
);

/** True when an account for the name, or for members in it, is there. */
const accounted = (accounts: readonly Account[], name: string) =>
  accounts.some(({ column }) => column === name || column.startsWith(`${name}.`));

test("an extra column is in the output, or listed as not used or harmless, or refused", () => {
  fc.assert(
    fc.property(fc.constantFrom(...CASES), NAMES, VALUES, ({ adapter, value }, name, extra) => {
      fc.pre(!(name in value));
      const before = read(adapter, value) as Exclude<Outcome, { problem: string }>;
      const after = read(adapter, { ...value, [name]: extra });
      if ("problem" in after) return;
      expect(accounted(after.accounts, name)).toBe(true);
      const used = after.accounts.some(({ column, fate }) => column === name && fate === "used");
      // Only what is said to be used changes what comes out.
      if (!used) expect(after.pairs).toEqual(before.pairs);
    }),
    { numRuns: 3000 },
  );
});

test("an extra member of a message is in the output, listed, or refused", () => {
  const chats = CASES.flatMap(({ adapter, value }) =>
    Object.entries(value)
      .filter(([, inner]) => messagesIn(inner).length > 0)
      .map(([column]) => ({ adapter, value, column })),
  );
  const named = new Set(chats.map(({ adapter, column }) => `${adapter.name} ${column}`));
  for (const place of [
    ...["trl prompt", "trl-implicit rejected", "ultrafeedback chosen", "preference-strength context"],
    ...["conversation-pair conversations", "conversation-pair chosen", "arena-conversations conversation_b"],
  ])
    expect(named).toContain(place);
  fc.assert(
    fc.property(
      fc.constantFrom(...chats),
      fc.nat(),
      NAMES,
      VALUES,
      ({ adapter, value, column }, at, name, extra) => {
        const messages = messagesIn(value[column]);
        const place = at % messages.length;
        fc.pre(!(name in messages[place]!));
        const list = messages.map((message, i) => (i === place ? { ...message, [name]: extra } : message));
        const changed = Array.isArray(value[column]) ? list : list[0];
        const before = read(adapter, value) as Exclude<Outcome, { problem: string }>;
        const after = read(adapter, { ...value, [column]: changed });
        if ("problem" in after) return;
        const account = after.accounts.find((one) => one.column === `${column}[].${name}`);
        expect(account).toBeDefined();
        expect(JSON.stringify(after.pairs) !== JSON.stringify(before.pairs)).toBe(account?.fate === "used");
      },
    ),
    { numRuns: 3000 },
  );
});

test("an extra member of a content part is refused, unless it says nothing", () => {
  const parted = CASES.flatMap(({ adapter, value }) =>
    Object.entries(value)
      .filter(([, inner]) => messagesIn(inner).some(({ content }) => Array.isArray(content)))
      .map(([column]) => ({ adapter, value, column })),
  );
  expect(parted.length).toBeGreaterThan(3);
  fc.assert(
    fc.property(fc.constantFrom(...parted), NAMES, VALUES, ({ adapter, value, column }, name, extra) => {
      fc.pre(!["type", "text", "mimeType"].includes(name));
      const changed = messagesIn(value[column]).map((message) => ({
        ...message,
        content: Array.isArray(message.content)
          ? message.content.map((part: object) => ({ ...part, [name]: extra }))
          : message.content,
      }));
      const after = read(adapter, { ...value, [column]: changed });
      expect("problem" in after).toBe(extra !== null);
    }),
    { numRuns: 500 },
  );
});

test("an extra member of a nested object is listed or refused", () => {
  const nested = CASES.flatMap(({ adapter, value }) =>
    Object.entries(value)
      .filter(([column]) => Object.keys(adapter.uses(value)).some((path) => path.startsWith(`${column}.`)))
      .map(([column]) => ({ adapter, value, column })),
  );
  expect(new Set(nested.map(({ column }) => column))).toEqual(
    new Set(["info", "summaries", "completions", "answers", "q", TOGETHER]),
  );
  fc.assert(
    fc.property(fc.constantFrom(...nested), NAMES, VALUES, ({ adapter, value, column }, name, extra) => {
      const inner = value[column] as object;
      const objects: object[] = Array.isArray(inner) ? inner : [inner];
      fc.pre(objects.every((object) => !(name in object)) && name !== "article");
      const changed = objects.map((object, i) => (i === 0 ? { ...object, [name]: extra } : object));
      const after = read(adapter, { ...value, [column]: Array.isArray(inner) ? changed : changed[0] });
      if ("problem" in after) return;
      expect(accounted(after.accounts, column === TOGETHER ? name : `${column}.${name}`)).toBe(true);
      expect(after.pairs).toEqual((read(adapter, value) as typeof after).pairs);
    }),
    { numRuns: 2000 },
  );
});

/** Another value of the same kind. */
function other(value: unknown): unknown {
  if (typeof value === "string") return /^[[{]/.test(value) ? value.replace(/[a-z]/, "Z") : `Z${value} zz`;
  if (typeof value === "number") return value === 0 ? 1 : 0;
  if (Array.isArray(value)) return value.map(other);
  if (!isRecord(value)) return !value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, inner]) => [
      name,
      ["content", "text", "value"].includes(name) ? other(inner) : inner,
    ]),
  );
}

describe("what is said to be used is used", () => {
  for (const { adapter, value } of CASES)
    test(`${adapter.name}: ${Object.keys(value).join(", ")}`, () => {
      const before = read(adapter, value);
      if ("problem" in before) throw new Error(before.problem);
      expect(before.accounts.map(({ fate }) => fate)).not.toContain("refused");
      for (const { column, fate } of before.accounts) {
        if (column.includes("[]") || !(column in value)) continue;
        const changed = read(adapter, { ...value, [column]: other(value[column]) });
        const same =
          !("problem" in changed) && JSON.stringify(changed.pairs) === JSON.stringify(before.pairs);
        // Flags are only looked at for a tie.
        if (fate === "used" && column !== "flags") expect([column, same]).toEqual([column, false]);
        if (fate !== "used") expect([column, same || "problem" in changed]).toEqual([column, true]);
      }
    });
});

const trl = adapterNamed("trl");
const PAIR = { prompt: "Is it far?", chosen: "No, near.", rejected: "Go away." };
const accountsOf = (value: Value, adapter = trl) => {
  const parsed = parseRecord(adapter, value);
  if ("leaveOut" in parsed) throw new Error(parsed.leaveOut);
  return Object.fromEntries(parsed.accounts.map(({ column, fate }) => [column, fate]));
};

test("each column has a fate: used, harmless, empty, not used or refused", () => {
  expect(
    accountsOf({
      ...PAIR,
      source: "web",
      comment: "said by Ann",
      context: "",
      images: [],
      passage: "Rome lies far away.",
    }),
  ).toEqual({
    prompt: "used",
    chosen: "used",
    rejected: "used",
    source: "harmless",
    comment: "unused",
    context: "empty",
    images: "empty",
    passage: "refused",
  });
  // What stands in the pair word for word loses nothing; a short word may stand there by chance.
  expect(accountsOf({ ...PAIR, question: "Is it far?" })).toMatchObject({ question: "harmless" });
  expect(accountsOf({ ...PAIR, question: "far" })).toMatchObject({ question: "refused" });
  // A long text is not harmless for being called a source.
  expect(accountsOf({ ...PAIR, source: "word ".repeat(30) })).toMatchObject({ source: "unused" });
});

test("a text beside a prompt that was only guessed may be the question", () => {
  const implicit = adapterNamed("trl-implicit");
  const texts = { chosen: "It is near.", rejected: "It is far." };
  expect(accountsOf({ ...texts, riddle: "Where is Rome?" }, implicit)).toMatchObject({ riddle: "refused" });
  expect(accountsOf({ ...texts, riddle: "羅馬在哪裡" }, implicit)).toMatchObject({ riddle: "refused" });
  expect(accountsOf({ ...texts, source: "a b c d e f g h i j k l m" }, implicit)).toMatchObject({
    source: "refused",
  });
  expect(accountsOf({ ...texts, riddle: "r-17", source: "hh" }, implicit)).toMatchObject({
    riddle: "unused",
    source: "harmless",
  });
  const chats = { chosen: [user("Where?"), said("Here.")], rejected: [user("Where?"), said("There.")] };
  expect(accountsOf({ ...chats, riddle: "Where is Rome?" }, implicit)).toMatchObject({ riddle: "unused" });
});

test("the message names the columns and the flag that leaves them out", () => {
  const value = { ...PAIR, passage: "Rome lies far away.", images: ["a.png"] };
  const pairs = [{ prompt: "", first: "", second: "", preferred: "first" as const }];
  const accounts = accountFor(value, { adapter: trl, uses: trl.uses(value), pairs });
  expect(() => refuse(accounts)).toThrow("may change what the row means");
  try {
    refuse(accounts);
  } catch (error) {
    expect(error).toMatchObject({
      column: "passage, images",
      fix: expect.stringContaining(
        "--ignore passage,images (in a recipe, source: {file, ignore: [passage,images]})",
      ),
    });
  }
});
