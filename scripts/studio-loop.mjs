/**
 * The studio's loop, once around: of a run of the demo a scripted person answers two hundred questions in the page, by its keys, as the demo's
 * simulated people would; the answers are folded there; the teacher is trained without and with them, by the demo's settings; and both are held
 * against people on the test pairs, which share no prompt with anything trained on. Prints one line of JSON.
 *
 *   node dist/interfaces/cli/main.js demo --out runs/demo      # far enough: until weak-labels is done
 *   npm run build && node scripts/studio-loop.mjs --run runs/demo --out /tmp/loop [--seeds 22,23,24]
 */
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { chromium } from "playwright-core";
import { createRng } from "../dist/base/core/rng.js";
import { visible } from "../dist/base/core/visible.js";
import { clusterBootstrap } from "../dist/base/stats/bootstrap.js";
import { clusteredShare } from "../dist/base/stats/clustered-share.js";
import { studio } from "../dist/index.js";
import { readCandidates } from "../dist/method/data/load.js";
import { readLabelFile } from "../dist/method/labels/label-file.js";

const { values } = parseArgs({
  options: {
    run: { type: "string" },
    out: { type: "string" },
    budget: { type: "string", default: "200" },
    seeds: { type: "string", default: "22" },
  },
});
if (values.run === undefined || values.out === undefined) throw new Error("expected --run and --out");
const stages = join(resolve(values.run), "stages");
const out = resolve(values.out);
const main = fileURLToPath(new URL("../dist/interfaces/cli/main.js", import.meta.url));
const said = (text) => process.stderr.write(`${new Date().toISOString()} ${text}\n`);

async function weakTeacher(...args) {
  said(args.slice(0, 2).join(" "));
  await promisify(execFile)(process.execPath, [main, ...args, "--quiet"], { maxBuffer: 2 ** 26 });
}

async function stageOf(name) {
  const found = (await readdir(stages)).find((each) => new RegExp(`^${name}-[0-9a-f]{12}$`).test(each));
  if (found === undefined) throw new Error(`${stages}: has no ${name} yet`);
  return join(stages, found);
}

const jsonl = async (file) =>
  (await readFile(file, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** What the person says of a pair as it is shown: which key, by the texts alone. */
async function mind(world) {
  const preferred = new Map(
    (await jsonl(join(world, "hidden", "human-labels.jsonl"))).map((each) => [each.id, each.preferred]),
  );
  const keys = new Map();
  for (const { id, prompt, response_a, response_b } of await jsonl(join(world, "pool", "pool.jsonl"))) {
    const said = preferred.get(id);
    const [a, b] = [response_a, response_b].map(visible);
    keys.set([visible(prompt), a, b].join("\0"), said === "tie" ? "0" : said === "a" ? "1" : "2");
    keys.set([visible(prompt), b, a].join("\0"), said === "tie" ? "0" : said === "a" ? "2" : "1");
  }
  return (shown) => keys.get(shown.join("\0"));
}

/** Answers all questions of a folder in the page and folds them there. */
async function answer(folder, keyFor) {
  const opened = await studio({ folders: [folder], port: 0, annotator: "scripted" });
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(300_000);
  await page.goto(opened.url);
  await page.locator('.things a[href^="/ask/"]').click();
  let answers = 0;
  for (;;) {
    await page.locator('.finished, .pair[data-awake="true"]').first().waitFor();
    if ((await page.locator(".finished").count()) > 0) break;
    const pair = page.locator('.pair[data-awake="true"]');
    const place = await pair.getAttribute("data-place");
    const shown = await pair.locator(".text").allTextContents();
    const key = keyFor(shown);
    if (key === undefined) throw new Error(`no such pair: ${JSON.stringify(shown)}`);
    await page.keyboard.press(key);
    await page.locator(`.finished, .pair:not([data-place="${place}"])`).first().waitFor();
    answers++;
  }
  await page.getByText("all saved").waitFor();
  await page.getByRole("button", { name: "Fold into labels" }).click();
  await page.getByText(/labels of \d+ pairs/).waitFor();
  await browser.close();
  await opened.close();
  return answers;
}

const LENGTHS = ["--max-length", "96", "--max-prompt-length", "40"];

/** Trains the demo's teacher on files, labels the test pairs, and says of each whether it is with people. */
async function teacherOn(name, files, seed, test) {
  const at = (part) => join(out, `${name}-${seed}-${part}`);
  const common = [...LENGTHS, "--seed", `${seed}`];
  const weak = join(await stageOf("first-layers"), "model");
  const sft = ["--set", "learning_rate=3e-4", "--set", "num_train_epochs=2"];
  const head = ["--set", "learning_rate=1e-4", "--set", "num_train_epochs=2", "--set", "batch_size=16"];
  await weakTeacher("sft", ...files, "--model", weak, ...sft, ...common, "--out", at("sft"));
  const start = join(at("sft"), "model");
  await weakTeacher("reward", ...files, "--model", start, ...head, ...common, "--out", at("reward"));
  const model = join(at("reward"), "model");
  await weakTeacher(
    "label",
    test,
    "--teacher",
    "reward-head",
    "--model",
    model,
    ...LENGTHS,
    "--out",
    at("test"),
  );
  const { pairs, humanLabels } = await readCandidates(test, { onBadRow: "fail", seed: 22 });
  const people = new Map(humanLabels.map(({ id, preferred }) => [id, preferred]));
  const prompts = new Map(pairs.map(({ id, prompt }) => [id, JSON.stringify(prompt)]));
  return (await readLabelFile(join(at("test"), "labels.jsonl"))).flatMap(({ id, preferred }) => {
    const said = people.get(id);
    const isSided = [said, preferred].every((side) => side === "a" || side === "b");
    return isSided ? [{ id, prompt: prompts.get(id), right: said === preferred }] : [];
  });
}

const rounded = (interval) =>
  interval && Object.fromEntries(Object.entries(interval).map(([key, n]) => [key, Number(n.toFixed(4))]));
const shareOf = (rows) =>
  rounded(
    clusteredShare(
      rows.map(({ right }) => right),
      rows.map(({ prompt }) => prompt),
    ),
  );

const world = await stageOf("world");
const questions = join(out, "questions");
const ask = ["ask", await stageOf("weak-labels"), "--budget", values.budget, "--among", "all"];
await weakTeacher(...ask, "--out", questions);
const keys = await answer(questions, await mind(world));
const facts = JSON.parse(await readFile(join(questions, "labels", "facts.json"), "utf8"));
const answered = join(questions, "labels", "labelled.jsonl");
const [labelled, test] = [join(world, "labelled.jsonl"), join(world, "test.jsonl")];
const seeds = [];
for (const seed of values.seeds.split(",").map(Number)) {
  const before = await teacherOn("before", [labelled], seed, test);
  const after = await teacherOn("after", [labelled, answered], seed, test);
  const gains = after.flatMap(({ id, prompt, right }) => {
    const earlier = before.find((row) => row.id === id);
    return earlier === undefined ? [] : [{ prompt, gain: Number(right) - Number(earlier.right) }];
  });
  const gain = clusterBootstrap(
    gains,
    gains.map(({ prompt }) => prompt),
    (sample) => sample.reduce((sum, each) => sum + each.gain, 0) / sample.length,
    { rng: createRng("studio loop") },
  );
  seeds.push({
    seed,
    pairs: gains.length,
    before: shareOf(before),
    after: shareOf(after),
    gain: rounded(gain),
  });
  said(JSON.stringify(seeds.at(-1)));
}
const result = {
  keys,
  answers: facts.answers.total,
  trainedOn: [576, (await jsonl(answered)).length],
  seeds,
};
await writeFile(join(out, "result.json"), `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result));
