/** Runs side by side in a real browser: chosen, compared as the verb does, turned round, and as a report of one file. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareRuns } from "../../src/pipeline/results/compare/compare-runs.ts";
import { buildDocument } from "../../src/report/document.ts";
import { renderHtml } from "../../src/report/page/page.ts";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { type TestStudio, testStudio } from "../helpers/studio.ts";
import { writeFinishedRun } from "../helpers/tiny-finished-run.ts";

describe.skipIf(chromiumPath === undefined)("runs side by side (skipped without Chromium)", () => {
  let browser: Browser;
  let folder: string;
  let studio: TestStudio;
  let page: Page;
  let runs: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-compare-page-"));
    runs = [
      await writeFinishedRun(folder, { name: "one", beta: 0.1, gain: 0, loss: [0.7, 0.6, 0.5] }),
      await writeFinishedRun(folder, { name: "two", beta: 0.5, gain: 0.4, loss: [0.7, 0.5, 0.3] }),
    ];
    await mkdir(join(folder, "unfinished", "stages"), { recursive: true });
    studio = await testStudio({ folders: [folder] });
    browser = await openBrowser();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(studio.url);
    await page.getByRole("link", { name: "Runs side by side" }).click();
    await page.getByText("Choose two runs or more").waitFor();
  });
  afterAll(async () => {
    await browser.close();
    await studio.close();
    await rm(folder, { recursive: true });
  });

  const choose = (name: string) => page.getByRole("checkbox", { name: new RegExp(`^${name} `) }).check();
  const findings = async () => {
    await page.evaluate(axe.source);
    const { violations } = (await page.evaluate("axe.run(document)")) as axe.AxeResults;
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  };

  test("what compare finds stands in the page: settings, arms, tests, changed responses, curves over each other", async () => {
    expect(await findings()).toEqual([]);
    expect(await page.getByRole("button", { name: "Compare" }).isDisabled()).toBe(true);
    await choose("one");
    await choose("two");
    await page.getByRole("button", { name: "Compare" }).click();
    await page.locator(".comparison svg").first().waitFor();
    const { report } = await compareRuns(runs, { version: "0.0.0-test", resamples: 2000, examples: 20 });
    const { headline, sections } = buildDocument(report);
    const text = await page.locator("main").innerText();
    expect(headline.length).toBeGreaterThan(0);
    for (const sentence of headline) expect(text).toContain(sentence);
    expect(headline.join()).toContain("weak of two above weak of one");
    for (const table of ["Settings that differ", "Arms of all runs", "Responses by which the later run won"])
      expect(text).toContain(table);
    expect(text).toMatch(/student\.prefer\.beta\s+0\.1\s+0\.5/);
    expect(sections.map(({ title }) => title)).toContain("Responses that changed most");
    expect(text).toContain("Responses that changed most");
    expect(text).toContain("weak says 3 in two");
    expect(text).toContain("question 3 <img src=x onerror=window.pwned=1>");
    expect(await page.evaluate('"pwned" in window')).toBe(false);
    // One chart of the loss, a line for each run, whose values a cursor reads.
    const curve = page.getByRole("img", { name: /^loss; arrow keys/ });
    expect(await curve.locator("svg path.line").count()).toBe(2);
    await curve.focus();
    await page.keyboard.press("End");
    await page.getByText(/one 0\.50*, two 0\.30*$/).waitFor();
  });

  test.each([
    { colorScheme: "light", width: 1280 },
    { colorScheme: "dark", width: 390 },
  ] as const)(
    "axe finds nothing in $colorScheme, $width pixels wide, and nothing but tables is wider",
    async (how) => {
      await page.emulateMedia({ colorScheme: how.colorScheme });
      await page.setViewportSize({ width: how.width, height: 800 });
      expect(await findings()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(how.width);
    },
  );

  test("turned round, the other run is measured against; the report is the verb's, in one file and an origin of its own", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole("button", { name: "two", exact: true }).click();
    await page.getByText("weak of one below weak of two").first().waitFor();
    const href = await page.getByRole("link", { name: "Report" }).getAttribute("href");
    const reply = await page.request.get(`${studio.origin}${href}`);
    const turned = await compareRuns(runs.toReversed(), {
      version: "0.0.0-test",
      resamples: 2000,
      examples: 20,
    });
    expect(await reply.text()).toBe(renderHtml(turned.report));
    expect(reply.headers()["content-security-policy"]).toContain("sandbox");
  });

  test("a run that is not finished is told with what to do", async () => {
    await page.getByRole("link", { name: "Other runs" }).click();
    await choose("one");
    await choose("unfinished");
    await page.getByRole("button", { name: "Compare" }).click();
    await page
      .getByText("unfinished: is no run, expected a folder with report.json and recipe.yaml.")
      .waitFor();
    const bad = await page.request.get(`${studio.origin}/api/compare?runs=one`);
    expect(bad.status()).toBe(400);
  });
});
