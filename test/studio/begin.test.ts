/** A recipe begun in the page: a file as `inspect` understands it, the text that `init` makes, and nothing outside of the opened folders. */
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../../src/base/core/log.ts";
import { describeSource, formatDescription } from "../../src/method/split/describe-source.ts";
import { makeFirstRecipe } from "../../src/pipeline/job/first-recipe.ts";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { enter, type TestStudio, testStudio } from "../helpers/studio.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";

const HOSTILE = "<img src=x onerror=window.pwned=1>.jsonl";
let folder: string;
let opened: string;
let studio: TestStudio;
let pairs: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "wt-begin-")));
  opened = join(folder, "opened");
  await mkdir(join(opened, "data"), { recursive: true });
  pairs = join(opened, "data", "pairs.jsonl");
  const rows = Array.from({ length: 20 }, (_, i) => ({
    ...{ prompt: `<img src=x onerror=window.pwned=1> ${i}`, chosen: `good ${i}`, rejected: `bad ${i}` },
  }));
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  for (const path of [pairs, join(opened, HOSTILE), join(folder, "secret.jsonl")])
    await writeFile(path, text);
  await writeTinyFolder(opened, "model", { seed: 1 });
  await writeTinyFolder(folder, "foreign", { seed: 2 });
  await symlink(join(folder, "secret.jsonl"), join(opened, "way-out.jsonl"));
  await mkdir(join(opened, "linked"));
  await symlink(join(folder, "foreign", "config.json"), join(opened, "linked", "config.json"));
  studio = await testStudio({ folders: [opened] });
});
afterAll(async () => {
  await studio.close();
  await rm(folder, { recursive: true });
});

/** The recipe that `init` makes of the same, given paths from the working directory. */
const byInit = async (name: string) => {
  const from = (path: string) => relative(process.cwd(), path);
  const model = from(join(opened, "model"));
  const options = { data: [from(pairs)], weak: model, student: "stories15M" };
  return makeFirstRecipe(
    join(opened, "data", name),
    { ...options, header: "auto", onBadRow: "fail" },
    { source: pairs, read: { onBadRow: "fail" }, log: silentLog },
  );
};

test("files and models of the opened folders alone are named and read; a recipe is never written over a file", async () => {
  const one = await testStudio({ folders: [opened] });
  try {
    const { call } = await enter(one);
    const { json } = await call("/api/begin");
    expect(json).toEqual({
      data: [HOSTILE, join("data", "pairs.jsonl")].map((path) => ({ path, bytes: expect.any(Number) })),
      models: ["linked", "model"],
    });
    for (const data of [
      "way-out.jsonl",
      "../secret.jsonl",
      join(folder, "secret.jsonl"),
      "/etc/passwd",
      "no.jsonl",
      "data",
      "model/../../secret.jsonl",
      "\0",
    ]) {
      expect(await call("/api/begin/data", { data }), data).toMatchObject({ status: 404 });
      const asked = { data, weak: "model", student: "model", name: "r.yaml" };
      expect((await call("/api/begin/write", asked)).status, data).toBe(404);
    }
    const good = { data: "data/pairs.jsonl", weak: "model", student: "stories15M", name: "r.yaml" };
    for (const weak of ["../foreign", "linked", join(folder, "foreign")])
      expect((await call("/api/begin/recipe", { ...good, weak })).status, weak).toBe(404);
    for (const name of ["../r.yaml", "r.txt", "a/r.yaml", ".yaml", ""])
      expect((await call("/api/begin/write", { ...good, name })).status, name).toBe(400);
    await writeFile(join(opened, "data", "there.yaml"), "mine");
    const refused = await call("/api/begin/write", { ...good, name: "there.yaml" });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.json)).toContain("is there already");
    expect(await readFile(join(opened, "data", "there.yaml"), "utf8")).toBe("mine");
  } finally {
    await one.close();
  }
});

test("who may annotate is refused", async () => {
  const file = join(folder, "people.txt");
  await writeFile(file, "berta annotate bbbbbbbbbbbbbbbbbbbb\n", { mode: 0o600 });
  const people = await testStudio({ folders: [opened], annotator: undefined, tokens: file });
  try {
    const headers = { "content-type": "application/json", "x-weak-teacher": "studio" };
    const body = JSON.stringify({ token: "bbbbbbbbbbbbbbbbbbbb" });
    const entered = await fetch(`${people.origin}/api/enter`, { method: "POST", headers, body });
    const cookie = entered.headers.get("set-cookie")!.split(";")[0]!;
    expect((await fetch(`${people.origin}/api/studio`, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(`${people.origin}/api/begin`, { headers: { cookie } })).status).toBe(403);
    for (const what of ["data", "recipe", "write"]) {
      const asked = { method: "POST", headers: { ...headers, cookie }, body: "{}" };
      expect((await fetch(`${people.origin}/api/begin/${what}`, asked)).status).toBe(403);
    }
  } finally {
    await people.close();
  }
});

describe.skipIf(chromiumPath === undefined)("in the page (skipped without Chromium)", () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await openBrowser();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(studio.url);
    await page.getByRole("link", { name: "Begin a recipe" }).click();
    await page.locator(".begin option").first().waitFor({ state: "attached" });
  });
  afterAll(async () => {
    await browser.close();
  });

  const dropped = (name: string, text: string) =>
    page.evaluate(`(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}));
      document.querySelector("main").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    })()`);

  test("a file that is dropped is told as inspect tells it, one from elsewhere is refused, names are text", async () => {
    await dropped("pairs.jsonl", "another text");
    await page.getByText("pairs.jsonl: is not found in the opened folders").waitFor();
    await dropped(HOSTILE, await readFile(pairs, "utf8"));
    await page.locator(".understood").waitFor();
    const lines = formatDescription(await describeSource(join(opened, HOSTILE), { onBadRow: "fail" }));
    expect(await page.locator(".understood").textContent()).toBe(lines.join("\n"));
    expect(lines.join()).toContain("<img src=x");
    expect(await page.evaluate('"pwned" in window')).toBe(false);
  });

  test("the recipe is that of init, byte for byte, and is written when it is asked for; axe finds nothing", async () => {
    await page.getByLabel("Preferences, a file of the opened folders").fill("data/pairs.jsonl");
    await page.getByRole("button", { name: "Show how it is understood" }).click();
    await page.getByLabel("Weak: the teacher's base").fill("model");
    await page.getByLabel("Student's base").fill("stories15M");
    await page.getByLabel("Name of the recipe's file").fill("mine.yaml");
    await page.getByRole("button", { name: "Make the recipe" }).click();
    await page.locator("pre.recipe").waitFor();
    const { text, file } = await byInit("mine.yaml");
    expect(text).toContain("source: pairs.jsonl");
    expect(text).toContain("weak: ../model");
    expect(await page.locator("pre.recipe").textContent()).toBe(text);
    expect(await page.locator("pre.command").textContent()).toBe(`weak-teacher run ${file} --dry-run`);
    await expect(readFile(file)).rejects.toThrow("ENOENT");
    await page.evaluate(axe.source);
    for (const [colorScheme, width] of [
      ["light", 1280],
      ["dark", 390],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const { violations } = (await page.evaluate("axe.run(document)")) as axe.AxeResults;
      expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    }
    await page.getByRole("button", { name: "Write it beside the data" }).click();
    await page.getByText(`Written: ${file}`).waitFor();
    expect(await readFile(file, "utf8")).toBe(text);
  });
});
