/**
 * Prompt and response of conversations, token by token, as TRL prepares them. `trl-boundary.json` holds TRL's ids of our own templates and
 * rows, so that the first tests need no Python; the others ask the TRL at hand whether it still says so, and for the templates it ships.
 * To write the file again: `WRITE_PINNED=1 npx vitest run test/interop/trl-boundary.test.ts`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodePair, encodePromptResponse } from "../../src/engine/text/pair.ts";
import { CHAT_ROWS, CHAT_TEMPLATES } from "../helpers/chat-templates.ts";
import { CHAT_SPECIALS, chatTokenizer, chatTokenizerJson } from "../helpers/chat-tokenizer.ts";
import { python, runPython } from "./python.ts";

type Ids = {
  readonly prompt: number[];
  readonly chosen: number[];
  readonly rejected: number[];
  readonly sft: number;
};
type Row = Ids | { readonly error: string };
type Answer = Readonly<Record<string, { readonly source: string; readonly rows: readonly Row[] }>>;

const PINNED = new URL("trl-boundary.json", import.meta.url);
const LIMITS = { maxLength: 2 ** 20, maxPromptLength: 2 ** 19 };

/** Ids of a row as this project makes them; the EOS that it adds where a template ends in no special token is taken off. */
function ours(source: string, row: (typeof CHAT_ROWS)[number], theirs: Ids): Ids {
  const tokenizer = chatTokenizer(source);
  const { prompt, a, b } = encodePair(
    tokenizer,
    { prompt: row.prompt, a: row.chosen, b: row.rejected },
    LIMITS,
  );
  const sft = encodePromptResponse(tokenizer, { prompt: row.prompt, response: row.chosen }, LIMITS);
  const closed = (ids: number[], { length }: number[]) =>
    ids.length === length + 1 && ids.at(-1) === tokenizer.eosId && !tokenizer.control.ids.has(ids.at(-2)!)
      ? ids.slice(0, -1)
      : ids;
  return {
    prompt,
    chosen: closed(a, theirs.chosen),
    rejected: closed(b, theirs.rejected),
    sft: sft.prompt.length,
  };
}

function askTrl(): Answer {
  const folder = mkdtempSync(join(tmpdir(), "trl-"));
  try {
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(chatTokenizerJson()));
    const asked = {
      tokenizer: folder,
      specials: CHAT_SPECIALS,
      templates: CHAT_TEMPLATES,
      trl_templates: true,
      rows: CHAT_ROWS,
    };
    return JSON.parse(runPython("trl_boundary.py", [], JSON.stringify(asked))) as Answer;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Rows of our own templates. */
const rowsOf = (answer: Answer) =>
  Object.fromEntries(Object.keys(CHAT_TEMPLATES).map((name) => [name, answer[name]!.rows]));

/** One start of Python for all: importing TRL takes longer than anything else here. */
const answer = python === undefined ? undefined : askTrl();
if (answer !== undefined && process.env.WRITE_PINNED === "1")
  writeFileSync(PINNED, `${JSON.stringify(rowsOf(answer))}\n`);

describe("ids of conversations are TRL's", () => {
  const pinned = JSON.parse(readFileSync(PINNED, "utf8")) as Record<string, Ids[]>;

  test.each(Object.entries(CHAT_TEMPLATES))("under a template of the kind %s", (name, source) => {
    for (const [i, row] of CHAT_ROWS.entries())
      expect(ours(source, row, pinned[name]![i]!), `row ${i}`).toEqual(pinned[name]![i]);
  });

  test("where the boundary lies inside what opens the answer", () => {
    const prompt = (name: string, row: number) => chatTokenizer(undefined).decode(pinned[name]![row]!.prompt);
    expect(prompt("thinks", 0)).toMatch(/\n\[assistant\] $/);
    expect(prompt("dropsReasoning", 0)).toMatch(/<｜Assistant｜>$/);
    expect(prompt("noThinking", 0)).toMatch(/<\|im_start\|>assistant\n$/);
  });
});

/** Templates that print today's date, which is always one day here; and those of pictures, which want lists of parts. */
const OTHERWISE = /strftime_now|for \w+ in message\.content|for \w+ in message\['content'\]/;

describe.skipIf(answer === undefined)("the TRL at hand (scripts/python-env.sh)", () => {
  test("makes the pinned ids", () => {
    expect(rowsOf(answer!)).toEqual(JSON.parse(readFileSync(PINNED, "utf8")));
  });

  test("ships templates whose conversations have the same ids here", () => {
    const shipped = Object.entries(answer!).filter(([name]) => name.startsWith("trl:"));
    let compared = 0;
    for (const [name, { source, rows }] of shipped) {
      if (OTHERWISE.test(source)) continue;
      for (const [i, row] of CHAT_ROWS.entries()) {
        const theirs = rows[i]!;
        if ("error" in theirs) expect(() => ours(source, row, {} as Ids), `${name}, row ${i}`).toThrow();
        else expect(ours(source, row, theirs), `${name}, row ${i}`).toEqual(theirs);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(100);
  });
});
