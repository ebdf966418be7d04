/** Made-up outcomes of studies' cells: thirty prompts, three pairs each, students with rewards that a test chooses. */
import { createRng } from "../../src/base/core/rng.ts";
import type { PreferenceRow } from "../../src/method/data/rows.ts";
import { promptId } from "../../src/method/data/rows.ts";
import { labelFromScores } from "../../src/method/labels/label.ts";
import { jobOf } from "../../src/pipeline/recipe/job.ts";
import { type StudyContext, studyContext } from "../../src/pipeline/study/context.ts";
import type { ArmOutcome, CellOutcome } from "../../src/pipeline/study/outcomes.ts";
import { EVERY_STUDY } from "../../src/pipeline/study/studies/index.ts";
import type { StudyDefinition } from "../../src/pipeline/study/study.ts";
import { variantRecipe, variantsOf } from "../../src/pipeline/study/variants.ts";
import type { Study } from "../../src/report/data.ts";

const request = {
  scale: "small" as const,
  out: "runs/x",
  set: ["eval.n_bootstrap=100"],
  // No --weak is the base's own teacher: the student on human labels must come from somewhere all the same.
  weak: ["models/one", "models/two"],
  student: ["models/small", "models/large"],
  judge: ["models/chat"],
};

const PROMPTS = Array.from({ length: 30 }, (_, i) => `prompt ${"long ".repeat(i % 7)}${i}`);

/** Rewards of an arm by prompt. */
export type Rewards = (arm: string, prompt: number) => number;

/** What a test changes in a cell's outcome. */
export type Change = (outcome: CellOutcome) => CellOutcome;

function armOf(name: string, rewards: Rewards): ArmOutcome {
  const records = PROMPTS.map((prompt, i) => ({
    ...{ promptId: promptId(prompt), sample: 0, prompt, response: `happy words ${(i * 7) % 11} of ${name}` },
    ...{ gold: { sentiment: rewards(name, i) }, tokens: 4, finish: "eos" as const, promptTruncated: false },
    ...{ logp: -1, sftLogp: null },
  }));
  return { name, records, testAccuracy: {} as ArmOutcome["testAccuracy"] };
}

function outcomeOf(arms: readonly string[], rewards: Rewards): Omit<CellOutcome, "job"> {
  const rng = createRng("outcome");
  const pairs = PROMPTS.flatMap((prompt) =>
    ["x", "y", "z"].map((end) => ({
      id: `${prompt} ${end}`,
      prompt,
      a: `first ${end}${"!".repeat(rng.int(4))}`,
      b: `second ${end}`,
    })),
  );
  const test = PROMPTS.map(
    (prompt, i): PreferenceRow => ({ id: prompt, prompt, chosen: `words ${i % 5} of`, rejected: "no" }),
  );
  const side = (p: number) => (rng.next() < p ? ("a" as const) : ("b" as const));
  return {
    arms: new Map(arms.map((name) => [name, armOf(name, rewards)])),
    teacher: armOf("teacher", (_, i) => (i % 4) - 2),
    labels: pairs.map(({ id }) => labelFromScores({ id, scoreA: rng.normal(), scoreB: 0, teacher: "t" })),
    human: pairs.map(({ id }) => ({ id, preferred: side(0.6) })),
    simulated: { tau: 0.2, pairs: pairs.length, expected: 0.7, drawn: 0.7 },
    gold: pairs.map(({ id }) => ({ id, goldA: rng.normal(), goldB: 0 })),
    pool: new Map(pairs.map((pair) => [pair.id, pair])),
    facts: {} as CellOutcome["facts"],
    taught: test,
    relabelled: pairs.map(({ id, prompt }) => ({
      ...{ id, group: prompt, weak: side(0.6), human: side(0.6), margin: 1 },
      ...{ goldA: rng.normal(), goldB: 0 },
    })),
    test,
    rescored: [{ how: "swapped", pairs: 64, changed: 0, largest: 1e-6 }],
  };
}

/** Opens the small scale's base, and makes studies' parts of a report of made-up outcomes. */
export async function studyLab() {
  const context: StudyContext = await studyContext(request, "tao-li-2025");
  const [variant] = variantsOf([{ study: EVERY_STUDY[0]!, context }]);
  const job = jobOf(await variantRecipe(variant!));
  /** A study's part of a report made of outcomes whose students have these rewards. */
  const studyWith = (study: StudyDefinition, rewards: Rewards, change: Change = (one) => one): Study => {
    const outcomes = new Map(
      study.cells(context).map(({ id, arms }) => {
        const names = arms.map(({ name }) => name);
        return [id, change({ ...outcomeOf(names, rewards), job })];
      }),
    );
    const content = study.report({
      context,
      cell: (id) => {
        const outcome = outcomes.get(id);
        if (outcome === undefined) throw new Error(`no cell ${id}`);
        return outcome;
      },
    });
    return { id: study.name, title: study.title, question: study.question, ...content };
  };
  return { context, studyWith };
}
