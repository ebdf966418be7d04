/** The answering page in a real browser, by its keys alone. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { KEYS, keyOf } from "../../src/interfaces/studio/keys.ts";
import { readAnswerBook } from "../../src/pipeline/label/answer-book.ts";
import { weakTeacher } from "../cli/spawn.ts";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { readTable } from "../helpers/read-table.ts";
import { answer, type TestStudio, testStudio } from "../helpers/studio.ts";
import { type TinyPair, tinyPairs, writeTinyQuestions } from "../helpers/tiny-questions.ts";

describe.skipIf(chromiumPath === undefined)("answering in the page (skipped without Chromium)", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let folder: string;
  let studio: TestStudio;
  const at = (...parts: string[]) => join(folder, ...parts);
  const book = () => readAnswerBook(at("questions", "answers", "anna.jsonl"));
  const saved = () => page.getByText("all saved").waitFor();

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-answering-"));
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await studio.close();
    await rm(folder, { recursive: true });
  });

  /** Writes questions and opens their page. */
  async function ask(pairs: readonly TinyPair[], options: { readonly port?: number } = {}): Promise<void> {
    await writeTinyQuestions(folder, pairs);
    studio = await testStudio({ folders: [folder], ...options });
    await page.goto(studio.url);
    await page.locator('.things a[href^="/ask/"]').click();
    await page.locator(".side .text").first().waitFor();
  }

  /** Escape, and the dialog is gone. */
  async function closeDialog(): Promise<void> {
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
  }

  /** What a person who has made up their mind about each pair presses: by its number in the texts, whichever side it stands. */
  const MIND = ["a", "b", "tie", "a much", "both bad", "b", "skip", "a", "b much", "a"] as const;
  async function keyForShown(): Promise<{ readonly n: number; readonly key: string }> {
    const [left = ""] = await page.locator(".side").allInnerTexts();
    const n = Number(/answer to (\d+)/.exec(left)![1]);
    const leftIsA = left.startsWith("first");
    const mind = MIND[n % MIND.length]!;
    if (mind === "tie") return { n, key: "0" };
    if (mind === "both bad") return { n, key: "b" };
    if (mind === "skip") return { n, key: "s" };
    const arrow = mind.startsWith("a") === leftIsA ? "ArrowLeft" : "ArrowRight";
    return { n, key: mind.endsWith("much") ? `Shift+${arrow}` : arrow };
  }

  test("fifty pairs by keyboard, undo over a reload, folded: the same files as through CSV", async () => {
    const pairs = tinyPairs(50);
    await ask(pairs);
    let answers = 0;
    while ((await page.locator(".finished").count()) === 0) {
      await page.locator('.pair[data-awake="true"]').waitFor();
      const { n, key } = await keyForShown();
      if (n === 3) {
        await page.keyboard.press("n");
        await page.locator("dialog textarea").fill("worth a second look");
        await closeDialog();
        await page.locator(".tag").waitFor();
      }
      // Wrong on purpose, and taken back: over a reload the fifth time, twice in a row the twelfth.
      if (answers === 5 || answers === 12) {
        await answer(page, key === "0" ? "b" : "0");
        if (answers === 5) {
          await saved();
          await page.reload();
          await page.locator('.pair[data-awake="true"]').waitFor();
        } else {
          await answer(page, "1");
          await page.keyboard.press("Backspace");
        }
        await page.keyboard.press("u");
        await page.locator('.pair[data-awake="true"]').waitFor();
        await page.getByText(`answer to ${n}`).first().waitFor();
      }
      await answer(page, key);
      answers++;
    }
    await saved();
    await page.getByText("1 pair came twice").or(page.getByText("pairs came twice")).waitFor();
    expect(await page.locator(".finished").innerText()).toContain("the same answer in 100 %");
    await page.getByRole("button", { name: "Fold into labels" }).click();
    await page.getByText("labels of 50 pairs").waitFor();

    const words = {
      a: "a",
      b: "b",
      tie: "tie",
      skip: "skip",
      "a much": "a",
      "b much": "b",
      "both bad": "tie",
    };
    const asked = await readTable(at("questions", "questions.csv"));
    const lines = asked.map(({ id, drawn }) => {
      const n = Number(String(id).slice(1));
      const mind = MIND[n % MIND.length]!;
      const strength = /^[ab]( much)?$/.test(mind) ? (mind.endsWith("much") ? "2" : "1") : "";
      const note = n === 3 ? "worth a second look" : "";
      return [id, words[mind], drawn, strength, mind === "both bad" ? "true" : "", note].join(",");
    });
    await writeFile(at("by-hand.csv"), ["id,answer,drawn,strength,both_bad,note", ...lines].join("\n"));
    const merge = ["ask", at("labels"), "--pool", at("pool.jsonl"), "--answers", at("by-hand.csv")];
    const outcome = await weakTeacher([...merge, "--out", at("by-hand")]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const names = (await readdir(at("by-hand"))).filter((name) => name !== "stage.json").sort();
    expect(names).toContain("labels.jsonl");
    expect(names).toContain("training.parquet");
    for (const name of names) {
      const [page, hand] = [at("questions", "labels", name), at("by-hand", name)];
      expect((await readFile(page)).equals(await readFile(hand)), name).toBe(true);
    }
    const kept = await readTable(at("by-hand", "answers.jsonl"));
    expect(kept.find(({ id }) => id === "r3")).toMatchObject({ strength: 2, note: "worth a second look" });
    expect(kept.find(({ id }) => id === "r4")).toMatchObject({ answer: "tie", both_bad: true });
  });

  test("every key of the table does what the table says, and the help and the buttons show it", async () => {
    await ask(tinyPairs(30));
    await page.keyboard.press("?");
    const help = await page.locator("dialog table").innerText();
    for (const { meaning } of KEYS) expect(help).toContain(meaning);
    await closeDialog();
    const expected = KEYS.flatMap(({ keys, action }) =>
      action.kind === "answer" ? keys.map((key) => ({ key, action })) : [],
    );
    for (const { key } of expected) await answer(page, key);
    await saved();
    const events = (await book()).filter((event) => event.kind === "answer");
    expect(events.map(({ strength, both_bad }) => ({ strength, both_bad }))).toEqual(
      expected.map(({ action }) => ({ strength: action.strength, both_bad: action.bothBad })),
    );
    const sides = events.map(({ answer: word, order }) =>
      word === "tie" || word === "skip" ? word : order.startsWith(word) ? "left" : "right",
    );
    expect(sides).toEqual(expected.map(({ action }) => action.choice));

    const keysOf = (kind: string) => KEYS.find(({ action }) => action.kind === kind)!.keys;
    for (const key of keysOf("undo")) await page.keyboard.press(key);
    await page.getByText(`${expected.length - keysOf("undo").length} of`).waitFor();
    for (const key of keysOf("flag")) await page.keyboard.press(key);
    await page.getByText("flagged").waitFor();
    for (const key of keysOf("guidelines")) await page.keyboard.press(key);
    await page.getByText("Which response would you rather have had").waitFor();
    // A dialog takes no answers.
    await page.keyboard.press("1");
    await closeDialog();
    for (const key of keysOf("note")) await page.keyboard.press(key);
    await page.locator("textarea").waitFor();
    // Typed into a field a key is a letter.
    await page.keyboard.type("sb");
    await closeDialog();
    await page.getByText("note: sb").waitFor();
    await saved();
    const after = await book();
    expect(after.filter(({ kind }) => kind === "answer")).toHaveLength(expected.length);
    expect(after.slice(expected.length).map(({ kind }) => kind)).toEqual(["undo", "undo", "flag", "note"]);
    for (const row of KEYS) {
      const button = page.locator(`button.${row.name}`);
      expect(await button.getAttribute("title")).toBe(row.meaning);
    }
    expect(new Set(KEYS.flatMap(({ keys }) => keys)).size).toBe(KEYS.flatMap(({ keys }) => keys).length);
    expect(keyOf({ key: "?", shiftKey: true })).toBe("?");
  });

  test("a key held down answers once; keys sleep while a pair has just appeared", async () => {
    await ask(tinyPairs(30));
    await page.locator('.pair[data-awake="true"]').waitFor();
    await page.keyboard.down("1");
    for (let i = 0; i < 5; i++) await page.keyboard.down("1");
    await page.keyboard.up("1");
    await page.locator('.pair[data-place="1"][data-awake="true"]').waitFor();
    // Both presses reach the page before it is awake again: the second must not answer the pair that the first brought.
    const press = 'dispatchEvent(new KeyboardEvent("keydown", { key: "2" }))';
    await page.evaluate(`${press}; ${press}`);
    await page.locator('.pair[data-place="2"][data-awake="true"]').waitFor();
    await saved();
    expect(await book()).toHaveLength(2);
  });

  test("a server that is away: answers wait in the browser, over a closed tab too, and go when it is back", async () => {
    await ask(tinyPairs(30));
    for (const key of ["1", "2"]) await answer(page, key);
    await saved();
    const { port } = new URL(studio.origin);
    const address = page.url();
    await studio.close();
    for (const key of ["0", "1", "s"]) await answer(page, key);
    await page.getByText("3 waiting").waitFor();
    await page.getByText("The studio does not answer.").waitFor();
    expect(await book()).toHaveLength(2);
    await page.close();
    studio = await testStudio({ folders: [folder], port: Number(port) });
    page = await context.newPage();
    await page.goto(studio.url);
    await page.goto(address);
    await page.getByText("5 of").waitFor();
    await saved();
    const words = (await book()).map((event) => (event.kind === "answer" ? event.answer : event.kind));
    expect(words).toHaveLength(5);
    expect([words[2], words[4]]).toEqual(["tie", "skip"]);
    // An open tab comes through a server that was started again as well.
    await studio.close();
    await answer(page, "2");
    await page.getByText("1 waiting").waitFor();
    studio = await testStudio({ folders: [folder], port: Number(port) });
    await page.getByText("does not know this browser").waitFor();
    const other = await context.newPage();
    await other.goto(studio.url);
    await saved();
    expect(await book()).toHaveLength(6);
  });

  test("nothing that comes before an answer tells what a teacher thinks, nor which response is a", async () => {
    const bodies: string[] = [];
    page.on("response", async (response) => {
      if (new URL(response.url()).pathname.startsWith("/api/"))
        bodies.push(await response.text().catch(() => ""));
    });
    await ask(tinyPairs(25));
    await page.locator('.pair[data-awake="true"]').waitFor();
    await expect.poll(() => bodies.length, { timeout: PATIENCE_MS }).toBeGreaterThanOrEqual(3);
    const keys = new Set<string>();
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      if (!Array.isArray(value)) for (const key of Object.keys(value)) keys.add(key);
      for (const member of Object.values(value)) visit(member);
    };
    for (const body of bodies) visit(JSON.parse(body));
    expect([...keys].sort()).toEqual(
      [
        ...["version", "person", "role", "opened", "id", "kind", "name", "path"],
        ...["total", "aside", "done", "history", "readOnly", "guidelines"],
        ...["pairs", "place", "prompt", "left", "right", "flagged", "note"],
      ].sort(),
    );
    expect(bodies.join("") + (await page.content())).not.toMatch(
      /tiny-teacher|uncertain|margin|calibrat|p_a|"r\d+"/i,
    );
  });

  test("hostile texts are texts: no script runs, nothing is asked of elsewhere, hidden characters are shown", async () => {
    const hostile = [
      "<script>window.pwned=1</script>",
      '"><img src=http://127.0.0.1:9/x onerror=window.pwned=2>',
      "[x](javascript:window.pwned=3) ![y](http://127.0.0.1:9/y)",
      "gnp\u202egnp.exe\u0000\u2066",
    ];
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => void dialogs.push(dialog.message()));
    await ask(
      tinyPairs(8).map((pair, i) => {
        const evil = hostile[i % hostile.length]!;
        return {
          ...pair,
          prompt: `${evil} ${i}`,
          response_a: `first ${evil} ${i}`,
          response_b: `other ${evil} ${i}`,
        };
      }),
    );
    let seen = "";
    for (let i = 0; i < 8; i++) {
      seen += await page.locator("main").innerText();
      await answer(page, "1");
    }
    for (const evil of hostile.slice(0, 3)) expect(seen).toContain(evil);
    expect(seen).toContain("gnp⟨U+202E⟩gnp.exe⟨U+0000⟩⟨U+2066⟩");
    expect(await page.evaluate('"pwned" in window')).toBe(false);
    expect(dialogs).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(studio.origin))).toEqual([]);
  });

  test("a studio that does not write says who does, and takes nothing", async () => {
    await ask(tinyPairs(10));
    await answer(page, "1");
    await saved();
    const second = await testStudio({ folders: [folder] });
    const other = await context.newPage();
    await other.goto(second.url);
    await other.locator('.things a[href^="/ask/"]').click();
    await other.getByText("answers are being written by process").waitFor();
    await other.keyboard.press("1");
    expect(await other.locator("button.left").isDisabled()).toBe(true);
    await second.close();
    expect(await book()).toHaveLength(1);
  });
});
