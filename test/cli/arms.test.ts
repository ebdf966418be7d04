/** All arms of a run learn from the same pairs, at a length limit that cuts a third of them. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let report: {
  headline: string[];
  tables: { title: string; rows: (string | number | null)[][]; notes: string[] }[];
};
let outcome: Awaited<ReturnType<typeof weakTeacher>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-arms-"));
  const recipe = await writeTinyRecipe(folder);
  const rows = Array.from({ length: 120 }, (_, i) => ({
    prompt: `p${i}`,
    chosen: i % 3 === 0 ? ` a very long and winding answer ${i}` : ` day ${i % 7}`,
    rejected: ` end ${i % 5}`,
  }));
  await writeFile(join(folder, "pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const top = "{ labels: weak, name: top, select: { kind: top, percent: 50 } }";
  const set = [
    "data.max_length=20",
    "data.max_prompt_length=8",
    "label.calibration=none",
    `arms=[sft, weak, human, random, ${top}]`,
    "eval.gold=[]",
  ];
  const out = join(folder, "run");
  outcome = await weakTeacher(["run", recipe, "--out", out, ...set.flatMap((one) => ["--set", one])]);
  if (outcome.code === 0) report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

describe("arms", () => {
  const amounts = () => {
    const table = report.tables.find(({ title }) => title === "What each arm learned from")!;
    return {
      notes: table.notes,
      arms: Object.fromEntries(
        table.rows.map(([name, responses, sftSteps, sftTokens, pairs, steps, tokens]) => [
          name,
          { responses, sftSteps, sftTokens, pairs, steps, tokens },
        ]),
      ),
    };
  };

  test("on weak, human and random labels learn from the same pairs, in as many steps and tokens", () => {
    expect(outcome.code, outcome.stderr).toBe(0);
    const { arms, notes } = amounts();
    const { weak, human, random, sft } = arms;
    const cut = 36 - Number(human!.pairs);
    // Of 36 unlabelled pairs about a third is too long.
    expect(cut).toBeGreaterThan(3);
    expect(weak).toMatchObject({ pairs: human!.pairs, responses: human!.pairs, steps: human!.steps });
    expect(random).toEqual(human);
    expect([weak!.tokens, sft!.pairs]).toEqual([human!.tokens, null]);
    expect(notes[0]).toBe(
      `All arms draw from the same ${human!.pairs} of 36 unlabelled pairs; left out beforehand: a response is cut at the length limit for the teacher and the student: ${cut}.`,
    );
  });

  test("one that learns from fewer says so in the headline, and no other does", () => {
    const { top, human } = amounts().arms;
    expect(Number(top!.pairs)).toBeLessThan(Number(human!.pairs));
    const said = report.headline.filter((sentence) => sentence.startsWith("Amount:"));
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`top learned from ${top!.pairs} pairs in ${top!.steps} steps`);
    expect(said[0]).toContain("selection leaves them out");
  });
});
