/**
 * The studio's goals, measured in Chromium. Prints one line of JSON for each part as it is done; what the goals are
 * stands in docs/studio.md, beside what was measured. Sizes are a test's (`test/studio/budget.test.ts`).
 *
 *   npm run build && node --expose-gc --import tsx scripts/studio-goals.mjs [--parts paint,answer,run,labels] [--rows 1000000]
 */
import { appendFileSync, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { studio } from "../dist/index.js";
import { labelFromScores } from "../dist/method/labels/label.js";
import { serializeLabel } from "../dist/method/labels/label-file.js";
import { openLabelIndex } from "../dist/pipeline/label/columns/open.js";
import { filterLabels } from "../dist/pipeline/label/columns/query.js";
import { searchTexts } from "../dist/pipeline/label/columns/search.js";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    parts: { type: "string", default: "paint,answer,run,labels" },
  },
});
const root = await mkdtemp(join(tmpdir(), "wt-goals-"));
const PATIENCE_MS = 300_000;

const sorted = (list) => list.toSorted((a, b) => a - b);
const median = (list) => sorted(list)[list.length >> 1];
const at95 = (list) => Math.round(sorted(list)[Math.ceil(0.95 * list.length) - 1] * 10) / 10;
const timed = async (work) => {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
};
const until = async (isIt) => {
  while (!isIt()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** A studio over a folder, and a browser's page that was let in. */
async function visit(folder, link) {
  const opened = await studio({ folders: [folder], port: 0, annotator: "goals" });
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(opened.url);
  await page.locator(`.things a[href^="/${link}/"]`).first().click();
  const close = async () => {
    await browser.close();
    await opened.close();
  };
  return { page, close };
}

/** Questions made of nothing, of the tests. */
async function questions(count) {
  const { tinyPairs, writeTinyQuestions } = await import("../test/helpers/tiny-questions.ts");
  const folder = await mkdtemp(join(root, "questions-"));
  await writeTinyQuestions(folder, tinyPairs(count));
  return folder;
}

/** First paint of the answering page, and how long until its first pair takes a key less the quarter second that keys sleep; medians of ten. */
async function paint() {
  const { page, close } = await visit(await questions(200), "ask");
  const [paints, usables] = [[], []];
  for (let k = 0; k < 10; k++) {
    await page.reload();
    await page.locator('.pair[data-awake="true"]').waitFor();
    const [first, usable] = await page.evaluate(
      "[performance.getEntriesByName('first-contentful-paint')[0].startTime, performance.now() - 250]",
    );
    paints.push(first);
    usables.push(usable);
  }
  await close();
  return {
    firstPaintMs: Math.round(median(paints)),
    answerUsableMs: Math.round(median(usables)),
    reloads: 10,
  };
}

/** From a key to the next pair painted, in the page; from sending an answer to its acknowledgement, which follows the sync. */
async function answer() {
  const { page, close } = await visit(await questions(200), "ask");
  await page.locator('.pair[data-awake="true"]').waitFor();
  const painted = await page.evaluate(`(async () => {
    const times = [];
    const pair = () => document.querySelector(".pair");
    for (let k = 0; k < 150; k++) {
      while (pair()?.dataset.awake !== "true") await new Promise((resolve) => setTimeout(resolve, 5));
      const place = pair().dataset.place;
      const start = performance.now();
      dispatchEvent(new KeyboardEvent("keydown", { key: k % 2 ? "1" : "2" }));
      for (;;) {
        await new Promise(requestAnimationFrame);
        if (pair() === null || (pair().dataset.place !== place && pair().querySelector(".text"))) break;
      }
      times.push(performance.now() - start);
    }
    return times;
  })()`);
  await page.getByText("all saved").waitFor();
  const durable = await page.evaluate(
    "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/events')).map(({ duration }) => duration)",
  );
  await close();
  return { keyToPaint95Ms: at95(painted), durable95Ms: at95(durable), answers: painted.length };
}

/** A run of 10,000 steps with twelve series: a reload until its curves are there, and what the studio takes of a processor while it watches. */
async function run() {
  const folder = join(root, "run");
  const log = join(folder, "stages", ".work-teacher-sft-0123456789ab", "log");
  await mkdir(log, { recursive: true });
  const names = [
    "loss",
    "grad_norm",
    "learning_rate",
    "rewards/margins",
    "rewards/chosen",
    "rewards/rejected",
  ];
  const more = [
    "rewards/accuracies",
    "logps/chosen",
    "logps/rejected",
    "entropy",
    "tokens",
    "mean_token_accuracy",
  ];
  const lineOf = (step) => {
    const series = [...names, ...more].map((name, i) => [name, Math.sin(step / 50 + i) + i]);
    return `${JSON.stringify({ global_step: step, epoch: step / 1000, ...Object.fromEntries(series) })}\n`;
  };
  const file = join(log, "metrics.jsonl");
  await writeFile(file, Array.from({ length: 10_000 }, (_, i) => lineOf(i + 1)).join(""));
  const { page, close } = await visit(folder, "run");
  const drawn = () => page.locator(".chart-box svg").first().waitFor();
  await drawn();
  const reloads = [];
  for (let k = 0; k < 5; k++) {
    await page.reload();
    await drawn();
    reloads.push(await page.evaluate("performance.now()"));
  }
  // Beside a run that writes five steps a second.
  let step = 10_000;
  const growing = setInterval(() => appendFileSync(file, lineOf(++step)), 200);
  const before = process.cpuUsage();
  const [ms] = await timed(() => new Promise((resolve) => setTimeout(resolve, 20_000)));
  const { user, system } = process.cpuUsage(before);
  clearInterval(growing);
  await close();
  const series = names.length + more.length;
  return {
    ...{ steps: 10_000, series, reloadMs: Math.round(median(reloads)) },
    cpuSecondsAMinute: Number((((user + system) / 1e6) * (60_000 / ms)).toFixed(2)),
  };
}

const rows = Number(values.rows);

/** Labels whose margins spread, with training rows of some three hundred characters. */
async function writeLabels(folder) {
  await mkdir(folder, { recursive: true });
  const streams = ["labels.jsonl", "training.jsonl"].map((name) => createWriteStream(join(folder, name)));
  for (let i = 0; i < rows; i++) {
    const id = `row-${i}`;
    const margin = Math.sin(i * 12.9898) * 4;
    const texts = {
      prompt: `prompt ${i} ${"word ".repeat(20)}`,
      chosen: `better ${i} ${"yes ".repeat(20)}`,
      rejected: "no ".repeat(20),
    };
    const parts = [
      serializeLabel(labelFromScores({ id, scoreA: margin, scoreB: 0, teacher: "t" })),
      JSON.stringify({ ...texts, id }),
    ];
    for (const [k, stream] of streams.entries())
      if (!stream.write(`${parts[k]}\n`)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  await Promise.all(streams.map((stream) => finished(stream.end())));
}

async function labels() {
  const folder = join(root, "many", "labels");
  await writeLabels(folder);
  globalThis.gc?.();
  const before = process.memoryUsage();
  const open = () => openLabelIndex(folder, { warn: (text) => process.stderr.write(`${text}\n`) }).index;
  const [indexMs] = await timed(open);
  const [againMs, index] = await timed(open);
  globalThis.gc?.();
  const after = process.memoryUsage();
  const grown = (name) => (after[name] - before[name]) / 2 ** 20;
  const filters = { sides: { preferred: ["a"] }, part: { p: [0.7, 0.8] }, surest: { sort: "sure" } };
  const filterMs = {};
  for (const [name, filter] of Object.entries(filters)) {
    const times = [];
    for (let k = 0; k < 5; k++) times.push((await timed(async () => filterLabels(index, filter)))[0]);
    filterMs[name] = Math.round(median(times));
  }
  const searchMs = {};
  for (const text of ["Prompt 7", `better ${rows - 1}`, "nothing has it"]) {
    const start = performance.now();
    const search = searchTexts(index, text);
    await until(() => search.found > 0 || search.share === 1);
    const first = search.found > 0 ? Math.round(performance.now() - start) : null;
    await until(() => search.share === 1);
    searchMs[text] = { first, all: Math.round(performance.now() - start), found: search.found };
  }
  const { page, close } = await visit(join(root, "many"), "labels");
  await page.getByText(`of ${rows.toLocaleString("en")} labels`).waitFor();
  const frames = await page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector(".label-list");
    const times = [];
    let last = performance.now();
    const next = (now) => {
      times.push(now - last);
      last = now;
      list.scrollTop += list.scrollHeight / 400;
      if (times.length < 400) requestAnimationFrame(next); else resolve(times.slice(1));
    };
    requestAnimationFrame(next);
  })`);
  await page.evaluate("document.querySelector('.label-list').scrollTop = 1e9");
  await page
    .getByText(`prompt ${rows - 1} `)
    .first()
    .waitFor();
  await close();
  return {
    ...{ rows, indexMs: Math.round(indexMs), againMs: Math.round(againMs) },
    memoryMb: Math.round(grown("arrayBuffers") + grown("heapUsed")),
    ...{ filterMs, searchMs, lastRow: "reached" },
    framesWithin50ms: Number((frames.filter((ms) => ms <= 50).length / frames.length).toFixed(3)),
  };
}

const PARTS = { paint, answer, run, labels };
try {
  for (const part of values.parts.split(",")) {
    const load = loadavg()[0].toFixed(1);
    const measured = await PARTS[part]();
    console.log(JSON.stringify({ part, load, cpus: `${cpus().length} × ${cpus()[0].model}`, ...measured }));
  }
} finally {
  await rm(root, { recursive: true });
}
