/**
 * The studio's goals on many labels, measured: reads a million rows into columns, opens them again, filters and orders them, looks for texts, and
 * scrolls through them in Chromium. Prints one line of JSON.
 *
 *   npm run build && node --expose-gc scripts/studio-goals.mjs [--rows 1000000]
 */
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { labelFromScores } from "../dist/method/labels/label.js";
import { serializeLabel } from "../dist/method/labels/label-file.js";
import { openLabelIndex } from "../dist/pipeline/label/columns/open.js";
import { filterLabels } from "../dist/pipeline/label/columns/query.js";
import { searchTexts } from "../dist/pipeline/label/columns/search.js";

const { values } = parseArgs({ options: { rows: { type: "string", default: "1000000" } } });
const rows = Number(values.rows);
const root = await mkdtemp(join(tmpdir(), "wt-goals-"));
const folder = join(root, "labels");

/** Labels whose margins spread, with training rows of some three hundred characters. */
async function write() {
  await mkdir(folder);
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

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const timed = async (work) => {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
};

try {
  await write();
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
  for (const text of ["Prompt 7", "better 999999", "nothing has it"]) {
    const start = performance.now();
    const search = searchTexts(index, text);
    let first;
    while (search.share < 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (search.found > 0) first ??= performance.now() - start;
    }
    const all = Math.round(performance.now() - start);
    searchMs[text] = { first: first === undefined ? null : Math.round(first), all, found: search.found };
  }
  const { studio } = await import("../dist/index.js");
  const opened = await studio({ folders: [root], port: 0 });
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(120_000);
  await page.goto(opened.url);
  await page.locator(".things a").click();
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
  await browser.close();
  await opened.close();
  const within = frames.filter((ms) => ms <= 50).length / frames.length;
  const memoryMb = Math.round(grown("arrayBuffers") + grown("heapUsed"));
  console.log(
    JSON.stringify({
      rows,
      indexMs: Math.round(indexMs),
      againMs: Math.round(againMs),
      memoryMb,
      filterMs,
      searchMs,
      framesWithin50ms: Number(within.toFixed(3)),
      lastRow: "reached",
    }),
  );
} finally {
  await rm(root, { recursive: true });
}
