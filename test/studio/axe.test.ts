/** Every page for people who hear it or cannot use a pointer: axe finds nothing, light and dark, wide and narrow. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { answer, type TestStudio, testStudio } from "../helpers/studio.ts";
import { tinyPairs, writeTinyQuestions } from "../helpers/tiny-questions.ts";

describe.skipIf(chromiumPath === undefined)("axe (skipped without Chromium)", () => {
  let browser: Browser;
  let folder: string;
  let studio: TestStudio;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-axe-"));
    await writeTinyQuestions(folder, tinyPairs(3));
    const log = join(folder, "a-run", "stages", "teacher-sft-0123456789ab", "log");
    await mkdir(log, { recursive: true });
    const lines = Array.from({ length: 30 }, (_, i) => ({
      global_step: i + 1,
      loss: 3 - i / 20,
      grad_norm: 1 + (i % 3),
    }));
    await writeFile(join(log, "metrics.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    await writeFile(join(folder, "a-run", "run.log"), "2026-11-30T08:00:00.000Z stage teacher-sft: starts\n");
    const failure = {
      stage: "teacher-prefer",
      key: "k",
      code: "numerics",
      message: "step 7: loss is NaN.",
      at: "2026-11-30T08:00:00.000Z",
      host: "h",
      pid: 1,
    };
    await writeFile(
      join(folder, "a-run", "stages", ".failed-teacher-prefer-0123456789ab.json"),
      JSON.stringify(failure),
    );
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  async function findings(page: Page, where: string): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = (await page.evaluate("axe.run(document)")) as axe.AxeResults;
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${where}: ${id}: ${html} ${failureSummary}`),
    );
  }

  test.each([
    { colorScheme: "light", width: 1280 },
    { colorScheme: "dark", width: 390 },
  ] as const)("finds nothing in $colorScheme, $width pixels wide", async ({ colorScheme, width }) => {
    await rm(join(folder, "questions", "answers"), { recursive: true, force: true });
    studio = await testStudio({ folders: [folder] });
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const found: string[] = [];
    const look = async (where: string) => found.push(...(await findings(page, where)));
    try {
      await page.goto(studio.url);
      const links = page.locator(".things a");
      await links.first().waitFor();
      await look("home");
      await page.getByRole("link", { name: "a-run" }).click();
      await page.locator(".chart-box svg").first().waitFor();
      await page.locator(".failure").waitFor();
      await page.getByText("Recipe as resolved").click();
      await look("run");
      await page.goBack();
      await page.locator('.things a[href^="/ask/"]').click();
      await page.locator('.pair[data-awake="true"]').waitFor();
      await look("pair");
      for (const key of ["?", "g", "n"]) {
        await page.keyboard.press(key);
        await page.locator("dialog").waitFor();
        await look(`dialog ${key}`);
        await page.keyboard.press("Escape");
        await page.locator("dialog").waitFor({ state: "detached" });
      }
      // The tab stop stays where it was from pair to pair.
      const right = page.getByRole("region", { name: "Right response" });
      await right.focus();
      for (let i = 0; i < 2; i++) {
        await answer(page, "1");
        expect(await right.evaluate("document.activeElement.getAttribute('aria-label')")).toBe(
          "Right response",
        );
      }
      await answer(page, "2");
      await page.getByRole("button", { name: "Fold into labels" }).waitFor();
      await look("finished");
    } finally {
      await context.close();
      await studio.close();
    }
    expect(found).toEqual([]);
  });
});
