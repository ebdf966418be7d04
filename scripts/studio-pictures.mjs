/**
 * Pictures of the studio's pages for the documentation: light, dark and as wide as a phone, into `docs/studio`. Look at them.
 *
 *   npm run build && node scripts/studio-pictures.mjs --run runs/demo --other runs/demo-beta --questions questions --data pairs.jsonl
 *
 * `--other` is a run of other settings to compare with, `--data` a file of preferences to begin a recipe with. Two made-up people answer some of the questions.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../", import.meta.url));
const { values } = parseArgs({
  options: {
    run: { type: "string" },
    other: { type: "string" },
    questions: { type: "string" },
    data: { type: "string" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});
const given = [values.run, values.other, values.questions, values.data && dirname(values.data)];
const folders = given.filter((path) => path !== undefined).map((path) => resolve(path));
const out = join(root, "docs/studio");
await mkdir(out, { recursive: true });
/** A studio of its own. @returns its address and what ends it */
async function open(...args) {
  const main = join(root, "dist/interfaces/cli/main.js");
  const child = spawn(process.execPath, [main, "studio", ...args, "--port", "0", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  return { url: JSON.parse(line).url, close: () => child.kill("SIGTERM") };
}

/** One page in three ways. */
async function takeOf(page, name) {
  for (const [how, width, height, colorScheme] of [
    ["light", 1280, 800, "light"],
    ["dark", 1280, 800, "dark"],
    ["phone", 390, 800, "light"],
  ]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(out, `${name}-${how}.png`) });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "light" });
}

/** Questions that each of two people answers for the picture. */
const ANSWERS = 24;

/** Two people with tokens at the questions: who answered what. */
async function takePeople(browser) {
  const folder = await mkdtemp(join(tmpdir(), "studio-pictures-"));
  const token = "only-for-this-picture";
  const tokens = join(folder, "people.txt");
  await writeFile(tokens, `carla manage ${token}-c\nben annotate ${token}-b\ndora annotate ${token}-d\n`, {
    mode: 0o600,
  });
  const studio = await open(resolve(values.questions), "--tokens", tokens);
  try {
    const enter = async (own) => {
      const page = await (await browser.newContext()).newPage();
      await page.goto(studio.url);
      await page.getByLabel("Your token").fill(own);
      await page.getByRole("button", { name: "Enter" }).click();
      await page.locator('.things a[href^="/ask/"]').waitFor();
      return page;
    };
    for (const [person, every] of [
      ["b", 3],
      ["d", 4],
    ]) {
      const page = await enter(`${token}-${person}`);
      await page.locator('.things a[href^="/ask/"]').click();
      for (let i = 0; i < ANSWERS; i++) {
        await page.locator('.pair[data-awake="true"]').waitFor();
        await page.keyboard.press(i % every === 0 ? "1" : "2");
        await page
          .locator('.pair[data-awake="false"]')
          .waitFor({ timeout: 1000 })
          .catch(() => {});
      }
      await page.waitForTimeout(1000);
      await page.context().close();
    }
    const page = await enter(`${token}-c`);
    await page.getByRole("link", { name: /^People at/ }).click();
    await page.locator(".people table").first().waitFor();
    await takeOf(page, "people");
  } finally {
    studio.close();
    await rm(folder, { recursive: true });
  }
}

const studio = await open(...folders, "--annotator", "anna");
const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(studio.url);
  const take = (name) => takeOf(page, name);
  await page.locator(".things a").first().waitFor();
  await page.locator('.things a[href^="/run/"]').first().click();
  await page.locator(".chart-box svg").first().waitFor();
  const stage = page.getByRole("button", { name: /^student-/ }).last();
  if ((await stage.count()) > 0) await stage.click();
  await page.waitForTimeout(1500);
  await page.evaluate("scrollTo(0, 0)");
  await take("run");
  await page.goBack();
  await page.locator('.things a[href^="/labels/"]').first().click();
  await page.locator(".label-row .excerpt").nth(4).waitFor();
  await page.waitForTimeout(500);
  await page.locator(".label-row").nth(4).click();
  await page.locator(".label-pair h2").waitFor();
  await take("labels");
  await page.goBack();
  await page.locator('.things a[href^="/ask/"]').click();
  await page.locator('.pair[data-awake="true"]').waitFor();
  await take("answer");
  await page.goBack();
  await page.getByRole("link", { name: "Begin a recipe" }).click();
  await page.getByLabel("Preferences, a file").fill(resolve(values.data));
  await page.getByRole("button", { name: "Show how it is understood" }).click();
  await page.locator(".understood").waitFor();
  for (const role of ["Weak", "Student"]) await page.getByLabel(new RegExp(`^${role}`)).fill("stories15M");
  await take("begin");
  await page.goBack();
  if (values.other !== undefined) {
    await page.getByRole("link", { name: "Runs side by side" }).click();
    await page.getByRole("checkbox").nth(1).waitFor();
    for (const box of await page.getByRole("checkbox").all()) await box.check();
    await page.getByRole("button", { name: "Compare" }).click();
    await page.locator(".comparison svg").first().waitFor();
    await take("compare");
  }
  await takePeople(browser);
} finally {
  await browser.close();
  studio.close();
}
