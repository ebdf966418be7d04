/**
 * Pictures of the studio's pages for the documentation: light, dark and as wide as a phone, into `docs/studio`. Look at them.
 *
 *   npm run build && node scripts/studio-pictures.mjs --run runs/demo --questions questions
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../", import.meta.url));
const { values } = parseArgs({
  options: {
    run: { type: "string" },
    questions: { type: "string" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});
const folders = [values.run, values.questions].map((path) => resolve(path));
const out = join(root, "docs/studio");
await mkdir(out, { recursive: true });
const child = spawn(
  process.execPath,
  [
    join(root, "dist/interfaces/cli/main.js"),
    "studio",
    ...folders,
    "--port",
    "0",
    "--annotator",
    "anna",
    "--json",
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
const [line] = await once(child.stdout.setEncoding("utf8"), "data");
const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(JSON.parse(line).url);
  /** One page in three ways. */
  const take = async (name) => {
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
  };
  await page.locator(".things a").first().waitFor();
  await page.locator('.things a[href^="/run/"]').click();
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
} finally {
  await browser.close();
  child.kill("SIGTERM");
}
