/** Going through the suspects of an audit in a real browser, by the keys alone. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AUDIT_KEYS } from "../../src/interfaces/studio/audit/keys.ts";
import { reviewEventSchema } from "../../src/method/labels/audit-reviews.ts";
import { readEventBook } from "../../src/pipeline/label/event-book.ts";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { readTable } from "../helpers/read-table.ts";
import { enter, type TestStudio, testStudio } from "../helpers/studio.ts";
import { textsOf, tinySuspects, writeTinyAudit } from "../helpers/tiny-audit.ts";

describe.skipIf(chromiumPath === undefined)("the audit's page (skipped without Chromium)", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let folder: string;
  let audit: string;
  let studio: TestStudio;
  let bodies: { readonly path: string; readonly text: string }[];
  const suspects = tinySuspects(12);
  const book = () =>
    readEventBook(join(audit, "reviews", "anna.jsonl"), { schema: reviewEventSchema, what: "reviews" });
  const saved = () => page.getByText("all saved").waitFor();
  const blind = (place: number) =>
    page.locator(`.pair[data-place="${place}"][data-phase="blind"][data-awake="true"]`).waitFor();
  const shown = () => page.locator('.pair[data-phase="shown"][data-awake="true"]').waitFor();
  const isGoodLeft = async () => (await page.locator(".side").first().innerText()).includes("good answer");
  const press = (key: string) => page.keyboard.press(key);

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-audit-page-"));
    audit = await writeTinyAudit(folder, suspects);
    studio = await testStudio({ folders: [folder] });
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
    bodies = [];
    page.on("response", async (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.startsWith("/api/audit/"))
        bodies.push({ path: pathname, text: await response.text().catch(() => "") });
    });
    await page.goto(studio.url);
    await page.locator('.things a[href^="/audit/"]').click();
    await blind(0);
  });
  afterEach(async () => {
    await context.close();
    await studio.close();
    await rm(folder, { recursive: true });
  });

  test("judged blind, then the label: keep, flip, tie, drop and undo over a reload, and a corrected copy", async () => {
    for (const { id, wrong, planted, line } of suspects) {
      const place = Number(id.slice(1));
      await blind(place);
      const goodLeft = await isGoodLeft();
      if (place === 2) await press("ArrowDown");
      else await press(goodLeft ? "1" : "ArrowRight");
      await shown();
      const verdict = await page.locator(".verdict").innerText();
      // The file prefers the poor response where it is wrong.
      expect(verdict).toContain(`the label says ${goodLeft === wrong ? "right" : "left"}.`);
      expect(verdict).toContain(`pairs.jsonl, line ${line}`);
      expect(verdict.includes("had flipped this label")).toBe(planted);
      expect(verdict).toContain(planted ? "14 % of being wrong" : `${90 - place} % of being wrong`);
      const mark = page.locator(".side", { hasText: "the label prefers this" });
      expect((await mark.innerText()).includes("good answer")).toBe(!wrong);
      if (place === 3) {
        // A decision taken back over a reload, then the judgement.
        await press("k");
        await blind(4);
        await saved();
        await page.reload();
        await blind(4);
        await press("u");
        await page.locator('.pair[data-place="3"][data-phase="shown"][data-awake="true"]').waitFor();
        await press("Backspace");
        await blind(3);
        await press(goodLeft ? "ArrowLeft" : "2");
        await shown();
      }
      await press(place === 5 ? "d" : place === 1 ? "t" : place === 7 ? "k" : "Enter");
    }
    await page.getByText("Every suspect is decided").waitFor();
    await saved();
    await press("p");
    const dialog = page.locator("dialog");
    await dialog.locator("table").waitFor();
    const found = await dialog.innerText();
    // Wrong are s0, s3, s6, s9; s1 a tie by decision, s2 by judgement; s5 dropped; s4 was planted.
    expect(found).toContain("5 kept, 4 flipped, 2 ties, 1 dropped.");
    expect(found).toMatch(/11\s+50 % \(95 % interval \d+ % to \d+ %, 10 prompts\)\s+84 %/);
    // s3 was judged again and counts as blind no more.
    expect(found).toMatch(/against it: 35 % \(95 % interval \d+ % to \d+ %, 10 prompts\)/);
    expect(found).toContain("Planted flips that you judged against: 100 %");
    await dialog.getByRole("button", { name: "Write a corrected copy" }).click();
    await dialog.getByText("9 pairs, 4 of them flipped; left out: 2 ties, 1 dropped.").waitFor();
    const corrected = await readTable(join(audit, "corrected-anna.jsonl"));
    for (const { id, ...texts } of corrected) {
      const suspect = suspects.find((one) => one.id === id)!;
      const { prompt, chosen, rejected } = textsOf({ ...suspect, wrong: false });
      expect(texts).toEqual({ prompt, chosen, rejected });
    }
    expect(corrected).toHaveLength(9);
    const reviews = await readTable(join(audit, "reviews-anna.jsonl"));
    expect(reviews.find(({ id }) => id === "s3")).toMatchObject({ decision: "flip", blind: false });
    const events = await book();
    expect(events.map(({ kind }) => kind).filter((kind) => kind === "undo")).toHaveLength(2);
  });

  test("before a judgement no reply tells label, probability, file or line; a decision is refused then", async () => {
    for (const key of ["k", "f", "t", "d", "Enter"]) await press(key);
    await expect.poll(() => bodies.length, { timeout: PATIENCE_MS }).toBeGreaterThanOrEqual(2);
    expect(bodies.map(({ text }) => text).join("") + (await page.content())).not.toMatch(
      /chosen|rejected|pairs\.jsonl|probability|planted|"s\d+"/i,
    );
    expect(await book()).toEqual([]);
    await saved();
    const second = await enter(await testStudioAgain());
    const place = new URL(page.url()).pathname.replace("/audit/", "/api/audit/");
    expect(await second.call(`${place}/label?place=0`)).toMatchObject({ status: 409 });
    const decided = { kind: "decided", uuid: crypto.randomUUID(), place: 0, decision: "flip" };
    expect(await second.call(`${place}/events`, { events: [decided] })).toMatchObject({ status: 409 });
    expect(await second.call(`${place}/pairs?from=99&count=5`)).toMatchObject({ status: 200 });
    expect(await book()).toEqual([]);
  });

  /** The first studio's, for a client of its own. */
  async function testStudioAgain(): Promise<TestStudio> {
    await page.close();
    await studio.close();
    studio = await testStudio({ folders: [folder] });
    return studio;
  }

  test("every key of the table has its button and its line of help; texts are texts; the report opens", async () => {
    await press("?");
    const help = await page.locator("dialog table").innerText();
    for (const { meaning } of AUDIT_KEYS) expect(help).toContain(meaning);
    await press("Escape");
    const seen = new Set<string>();
    const look = async () => {
      for (const row of AUDIT_KEYS)
        if ((await page.locator(`button.key.${row.name}`).count()) === 1) {
          seen.add(row.name);
          expect(await page.locator(`button.key.${row.name}`).getAttribute("title")).toBe(row.meaning);
        }
    };
    await look();
    await press("1");
    await shown();
    await look();
    expect([...seen].sort()).toEqual(AUDIT_KEYS.map(({ name }) => name).sort());
    expect(new Set(AUDIT_KEYS.flatMap(({ keys }) => keys)).size).toBe(
      AUDIT_KEYS.flatMap(({ keys }) => keys).length,
    );
    const text = await page.locator("main").innerText();
    expect(text).toContain("<img src=x onerror=window.pwned=1>");
    expect(text).toContain("⟨U+202E⟩");
    expect(await page.evaluate('"pwned" in window')).toBe(false);
    await page.goBack();
    await page.getByRole("link", { name: "an-audit" }).first().click();
    const report = await page.getByRole("link", { name: "Report" }).getAttribute("href");
    const reply = await page.request.get(`${studio.origin}${report}`);
    expect(await reply.text()).toBe(await readFile(join(audit, "report.html"), "utf8"));
  });

  test("judged while the server is away: it waits, and the label comes when the judgement is there", async () => {
    const port = Number(new URL(studio.origin).port);
    await studio.close();
    await press("1");
    await page.getByText("1 waiting").waitFor();
    await page.getByText("shown as soon as your judgement is saved").waitFor();
    studio = await testStudio({ folders: [folder], port });
    const other = await context.newPage();
    await other.goto(studio.url);
    await shown();
    await saved();
    expect(await book()).toMatchObject([{ kind: "judged", id: "s0" }]);
  });

  test.each([
    { colorScheme: "light", width: 1280 },
    { colorScheme: "dark", width: 390 },
  ] as const)("axe finds nothing in $colorScheme, $width pixels wide", async ({ colorScheme, width }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await page.evaluate(axe.source);
    const look = async () => {
      const { violations } = (await page.evaluate("axe.run(document)")) as axe.AxeResults;
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    };
    expect(await look()).toEqual([]);
    await press("1");
    await shown();
    expect(await look()).toEqual([]);
    await press("k");
    await blind(1);
    await press("p");
    await page.locator("dialog table").waitFor();
    expect(await look()).toEqual([]);
  });
});
