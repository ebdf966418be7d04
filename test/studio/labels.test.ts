/** Labels in a real browser: filters, the last of many rows, a pair, hostile texts, ids as a file. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { labelFromScores } from "../../src/method/labels/label.ts";
import { serializeLabel } from "../../src/method/labels/label-file.ts";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { type TestStudio, testStudio } from "../helpers/studio.ts";

/** More than a browser can show at thirty pixels each without scaling. */
const ROWS = 300_000;

describe.skipIf(chromiumPath === undefined)("labels in the page (skipped without Chromium)", () => {
  let browser: Browser;
  let folder: string;
  let studio: TestStudio;
  let page: Page;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-labels-page-"));
    const at = join(folder, "many");
    await mkdir(at);
    const labels: string[] = [];
    const training: string[] = [];
    for (let i = 0; i < ROWS; i++) {
      const id = `row-${i}`;
      labels.push(
        serializeLabel(
          labelFromScores({ id, scoreA: i % 3 === 0 ? 1 : 0, scoreB: i % 5 === 0 ? 1 : 0, teacher: "t" }),
        ),
      );
      if ((i % 3 === 0) !== (i % 5 === 0))
        training.push(
          JSON.stringify({
            prompt: `prompt ${i} <img src=x onerror=window.pwned=1>`,
            chosen: `better ${i}`,
            rejected: `worse ${i}`,
            id,
          }),
        );
    }
    await writeFile(join(at, "labels.jsonl"), labels.map((line) => `${line}\n`).join(""));
    await writeFile(join(at, "training.jsonl"), training.map((line) => `${line}\n`).join(""));
    studio = await testStudio({ folders: [folder] });
    browser = await openBrowser();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(studio.url);
    await page.locator(".things a").click();
    await page.getByText("300,000 of 300,000 labels").waitFor();
    expect(await readdir(folder)).toContain(".many.columns");
  });
  afterAll(async () => {
    await browser.close();
    await studio.close();
    await rm(folder, { recursive: true });
  });

  test("the last row is reached, by the wheel's end and by its key, and rows open with their texts as texts", async () => {
    const list = page.locator(".label-list");
    await list.evaluate("document.querySelector('.label-list').scrollTop = 1e9");
    await page
      .getByText(`prompt ${ROWS - 1}`)
      .or(page.getByText(`row-${ROWS - 1}`, { exact: true }))
      .first()
      .waitFor();
    await list.focus();
    await page.keyboard.press("Home");
    await page.getByText("row-1", { exact: true }).waitFor();
    for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByText("better 3", { exact: true }).waitFor();
    const pair = await page.locator(".label-pair").innerText();
    expect(pair).toContain("prompt 3 <img src=x onerror=window.pwned=1>");
    expect(pair).toContain("prefers a");
    await page.keyboard.press("End");
    await page.locator(`#label-${ROWS - 1}`).waitFor();
    expect(await page.evaluate('"pwned" in window')).toBe(false);
    expect(await list.evaluate("document.activeElement.className")).toBe("label-list");
  });

  test("filters count what they leave; ids of a filter come as a file; axe finds nothing", async () => {
    await page.getByLabel("Prefers").selectOption("tie");
    // Of fifteen rows one has both a score and the other, and eight have neither.
    await page.getByText("180,000 of 300,000 labels").waitFor();
    await page.getByLabel("Prefers").selectOption("b");
    await page.getByText("40,000 of 300,000 labels").waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Ids as a file" }).click(),
    ]);
    const ids = (await readFile(await download.path(), "utf8")).trimEnd().split("\n");
    expect(ids).toHaveLength(40_000);
    expect(ids[0]).toBe('{"id":"row-5"}');
    await page.getByLabel("Prefers").selectOption("");
    await page.getByRole("button", { name: /^0\.725 to 0\.750/ }).click();
    await page.getByText("120,000 of 300,000 labels").waitFor();
    await page.getByText("is not the pool's").waitFor();
    await page.locator(".label-row").first().click();
    await page.locator(".label-pair h3").first().waitFor();
    await page.getByRole("button", { name: /^0\.725 to 0\.750/ }).click();
    await page.getByLabel("Text").fill("PROMPT 29999");
    const hits = Array.from({ length: ROWS }, (_, i) => i).filter(
      (i) => `prompt ${i} `.includes("prompt 29999") && (i % 3 === 0) !== (i % 5 === 0),
    );
    await page.getByText(`${hits.length} of 300,000 labels`).waitFor();
    await page
      .getByText(`prompt ${hits.at(-1)} `)
      .first()
      .waitFor();
    await page.getByLabel("Trained on").selectOption("false");
    await page.getByText("0 of 300,000 labels").waitFor();
    await page.getByLabel("Trained on").selectOption("");
    await page.locator(".label-row").first().click();
    await page.locator(".label-pair h3").first().waitFor();
    await page.evaluate(axe.source);
    const { violations } = (await page.evaluate("axe.run(document)")) as axe.AxeResults;
    expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
  });
});
