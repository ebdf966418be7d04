/** A run's labels by token in a real browser. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { describe, expect, test } from "vitest";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { testStudio } from "../helpers/studio.ts";
import { writeTinyLabelledRun } from "../helpers/tiny-labelled-run.ts";

describe.skipIf(chromiumPath === undefined)("tokens in the page (skipped without Chromium)", () => {
  test("a run's pair is tinted by what each token adds, both responses on one scale, its texts as texts", async () => {
    const run = await mkdtemp(join(tmpdir(), "wt-labels-run-"));
    await writeTinyLabelledRun(run);
    const other = await testStudio({ folders: [run] });
    const browser = await openBrowser();
    const visit = await browser.newPage();
    visit.setDefaultTimeout(PATIENCE_MS);
    await visit.goto(other.url);
    await visit.locator('.things a[href^="/labels/"]').click();
    await visit.getByText("tell me more").click();
    await visit.getByRole("button", { name: "What each token adds" }).click();
    await visit.getByText("full tint is 1.00, for both responses; as the run kept it").waitFor();
    const tints = async () =>
      visit
        .locator(".tokens .token")
        .evaluateAll((all) => all.map((one) => `${one.className} ${one.textContent}`));
    // A half of the strongest, and the strongest, which takes away.
    expect(await tints()).toEqual(["token up2  yes", "token down4  a"]);
    await visit.getByText("tell me", { exact: true }).click();
    await visit.getByRole("button", { name: "What each token adds" }).click();
    await visit.getByText("Tinted by what each token adds").waitFor();
    const texts = await visit.locator(".tokens").allTextContents();
    expect(texts).toEqual([" a <b>long</b> story</s>", " no</s>"]);
    await visit.evaluate(axe.source);
    const { violations } = (await visit.evaluate("axe.run(document)")) as axe.AxeResults;
    expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
    await browser.close();
    await other.close();
    await rm(run, { recursive: true });
  });
});
