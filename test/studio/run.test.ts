/** A run watched in a real browser while its files grow. */
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { formatNumber } from "../../src/report/format.ts";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { type TestStudio, testStudio } from "../helpers/studio.ts";

const KEY = "teacher-sft-0123456789ab";
const lossAt = (step: number) => Math.round(1e4 * (1 + Math.cos(step))) / 1e4;

describe.skipIf(chromiumPath === undefined)("a run in the page (skipped without Chromium)", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let folder: string;
  let studio: TestStudio;
  let place: string;
  let step: number;
  const at = (...parts: string[]) => join(folder, "a-run", ...parts);

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-run-page-"));
    place = at("stages", `.work-${KEY}`);
    step = 0;
    await mkdir(join(place, "log"), { recursive: true });
    await mkdir(join(place, "scratch"));
    await writeFile(join(place, "scratch", "planned.json"), '{"steps": 40}\n');
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await studio.close();
    await rm(folder, { recursive: true });
  });

  async function train(steps: number): Promise<void> {
    const lines = Array.from(
      { length: steps },
      () => `${JSON.stringify({ global_step: ++step, epoch: 0, loss: lossAt(step) })}\n`,
    );
    // While it works, a training writes in its scratch folder.
    const open = place.includes(".work-") ? "scratch" : "log";
    await appendFile(join(place, open, "metrics.jsonl"), lines.join(""));
  }

  /** The curve as the page has it: its cursor goes from step to step. */
  async function curveInPage(): Promise<string[]> {
    const values: string[] = [];
    await page.locator(".chart-box").first().focus();
    for (let i = 0; i < step; i++) {
      await page.keyboard.press(i === 0 ? "Home" : "ArrowRight");
      const readout = page.locator(".readout").first();
      await page
        .getByText(`step ${i + 1}:`)
        .first()
        .waitFor();
      values.push((await readout.innerText()).split(": ")[1]!);
    }
    return values;
  }
  const inFile = () => Array.from({ length: step }, (_, i) => formatNumber(lossAt(i + 1)));
  const drawn = () =>
    page.locator(`desc:text-matches(", ${step} points")`).first().waitFor({ state: "attached" });

  test("reloads, a server that went and came, a stage that finished: the curve equals the file", async () => {
    await train(3);
    studio = await testStudio({ folders: [folder] });
    await page.goto(studio.url);
    await page.locator(".things a").click();
    await drawn();
    const address = page.url();
    await train(4);
    await drawn();
    await page.reload();
    await drawn();
    expect(await curveInPage()).toEqual(inFile());

    const { port } = new URL(studio.origin);
    await studio.close();
    await train(3);
    await page.getByText("The studio does not answer.").waitFor();
    studio = await testStudio({ folders: [folder], port: Number(port) });
    const other = await context.newPage();
    await other.goto(studio.url);
    await other.close();
    await drawn();
    await train(2);
    await rename(join(place, "scratch", "metrics.jsonl"), join(place, "log", "metrics.jsonl"));
    await rename(place, at("stages", KEY));
    place = at("stages", KEY);
    await train(1);
    await drawn();
    expect(await curveInPage()).toEqual(inFile());
    expect(page.url()).toBe(address);
  });

  test("a failure stands there with its advice, the log and the recipe as texts, the report in an origin of its own", async () => {
    const evil = "<img src=x onerror=window.pwned=1>";
    await writeFile(at("run.log"), `2026-11-30T08:00:00.000Z stage teacher-sft: starts ${evil}\n`);
    const failure = {
      stage: "teacher-sft",
      key: "k",
      code: "numerics",
      message: `step 7: loss is NaN ${evil}. Lower the rate.`,
    };
    await writeFile(
      at("stages", `.failed-${KEY}.json`),
      JSON.stringify({ ...failure, at: "2026-11-30T08:00:00.000Z", host: "h", pid: 1 }),
    );
    await writeFile(
      at("report.html"),
      "<!doctype html><body><script>document.body.textContent = location.origin + ' ' + origin</script>",
    );
    studio = await testStudio({ folders: [folder] });
    const requests: string[] = [];
    context.on("request", (request) => requests.push(request.url()));
    await page.goto(studio.url);
    await page.locator(".things a").click();
    await page.getByText("Lower the rate.").waitFor();
    expect(await page.locator(".failure").innerText()).toContain(evil);
    await page.locator(".log").waitFor();
    expect(await page.locator(".log").innerText()).toContain(evil);
    expect(await page.evaluate('"pwned" in window')).toBe(false);
    const [report] = await Promise.all([
      context.waitForEvent("page"),
      page.getByRole("link", { name: "Report" }).click(),
    ]);
    await report.getByText("null").waitFor();
    expect(requests.filter((url) => !url.startsWith(studio.origin))).toEqual([]);
  });
});
