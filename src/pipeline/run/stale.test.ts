/** What is kept of a run is kept only while all that it was made from is what it was: models with all their files, scorers with all theirs. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyJob } from "../../../test/helpers/tiny-job.ts";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { loadRecipe } from "../recipe/parse.ts";
import { evaluateModel } from "./evaluate-model.ts";
import { runRecipe } from "./run.ts";

let folder: string;
let recipe: string;
const at = (...parts: string[]) => join(folder, ...parts);
const ENDPOINT = "type: chat, url: 'http://127.0.0.1:9/v1', model: m";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-stale-"));
  recipe = await writeTinyJob(
    at(),
    `{ max_new_tokens: 4, n_bootstrap: 100, gold: [
        { type: reward-model, model: ${at("rm")}, too_long: truncate },
        { type: programmatic, module: ${at("score.mjs")}, name: words }],
      judges: [{ type: local, name: near, model: ${at("judge")} }] }`,
  );
  await writeTinyModel(at("judge"), { family: "llama", seed: 8, vocab: 264, positions: 1024 });
  await writeFile(at("score.mjs"), `import { weight } from "./weight.mjs";\nexport default () => weight;\n`);
  await writeFile(at("weight.mjs"), "export const weight = 1;\n");
  await runRecipe(await asked(), { code: "1" });
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const asked = (...set: string[]) => loadRecipe(recipe, { set: [`out=${at("run")}`, ...set] });

/** Names of the stages that would be computed again. */
async function stale(): Promise<string[]> {
  const { steps } = await runRecipe(await asked(), { code: "1", dryRun: true });
  return steps.filter(({ state }) => state !== "cached").map(({ name }) => name);
}

/** Does something while a file says something else. */
async function whileIn<T>(
  file: string,
  text: (before: string) => string,
  work: () => Promise<T>,
): Promise<T> {
  const before = await readFile(file, "utf8");
  await writeFile(file, text(before));
  try {
    return await work();
  } finally {
    await writeFile(file, before);
  }
}

const member = (members: object) => (json: string) => JSON.stringify({ ...JSON.parse(json), ...members });
const TEMPLATE = { chat_template: "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}" };
const GENERATED = ["generate-sft", "generate-weak", "generate-human", "generate-start-of-human"];
const JUDGED = ["judge-near-weak-vs-sft", "judge-near-human-vs-sft", "judge-near-weak-vs-human"];

describe("a run", () => {
  test("is whole while nothing changes", async () => {
    expect(await stale()).toEqual([]);
  });

  test("a local judge with another chat template or other end ids judges again", async () => {
    for (const members of [TEMPLATE, { eos_token: "a" }]) {
      const now = await whileIn(at("judge", "tokenizer_config.json"), member(members), stale);
      expect(now).toEqual(JUDGED);
    }
  });

  test("a gold reward model with another chat template or another end scores again", async () => {
    for (const members of [TEMPLATE, { eos_token: "a" }]) {
      const now = await whileIn(at("rm", "tokenizer_config.json"), member(members), stale);
      expect(now).toEqual(expect.arrayContaining(GENERATED));
    }
  });

  test("a programmatic scorer scores again when a module that it imports changes", async () => {
    const now = await whileIn(at("weight.mjs"), () => "export const weight = 2;", stale);
    expect(now).toEqual([...GENERATED, ...JUDGED]);
  });

  test("a judge at an endpoint that is asked or read in another way judges again; patience changes nothing", async () => {
    const changes = [
      "retries: 1, timeout_ms: 5, concurrency: 2, api_key_env: KEY",
      "verdict: 'is (1|2)'",
      "temperature: 1",
      "max_tokens: 3",
      "body: { top_p: 1 }",
    ];
    const keysOf = async (more: (i: number) => string) => {
      const judges = changes.map((_, i) => `{ ${ENDPOINT}, name: far-${i}${more(i)} }`);
      const recipe = await asked(`eval.judges=[${judges.join(", ")}]`);
      const { steps } = await runRecipe(recipe, { code: "1", dryRun: true });
      return changes.map((_, i) => steps.find(({ name }) => name === `judge-far-${i}-weak-vs-sft`)!.key);
    };
    const before = await keysOf(() => "");
    const after = await keysOf((i) => `, ${changes[i]}`);
    expect(after.map((key, i) => key === before[i])).toEqual([true, false, false, false, false]);
  });
});

describe("evaluate", () => {
  const evaluate = async (more: { fresh?: boolean } = {}) => {
    const { steps } = await evaluateModel(at("run"), {
      model: at("other"),
      name: "other",
      code: "1",
      ...more,
    });
    return Object.fromEntries(steps.map(({ name, state }) => [name, state]));
  };

  test("answers again when the checkpoint's end ids changed, and with --fresh", async () => {
    await cp(at("student"), at("other"), { recursive: true });
    expect((await evaluate())["generate-other"]).toBe("run");
    expect((await evaluate())["generate-other"]).toBe("cached");
    await writeFile(at("other", "generation_config.json"), JSON.stringify({ eos_token_id: [257, 104] }));
    expect((await evaluate())["generate-other"]).toBe("run");
    const again = await evaluate({ fresh: true });
    expect([again["generate-other"], again["generate-weak"]]).toEqual(["run", "cached"]);
  }, 60_000);
});
