/** A studio for tests: opened, visited, and spoken to as its page speaks. */
import type { Page } from "playwright-core";
import { createLog } from "../../src/base/core/log.ts";
import { openStudio, type Studio, type StudioOptions } from "../../src/interfaces/studio/server.ts";

/** A studio and what it has logged. */
export type TestStudio = Studio & { readonly origin: string; readonly logged: string[] };

/** Opens one at a free port unless `port` says which. */
export async function testStudio(options: StudioOptions): Promise<TestStudio> {
  const logged: string[] = [];
  const sink = { write: (text: string) => logged.push(text) > 0, isTTY: false };
  const log = createLog(sink as never, { quiet: false });
  const studio = await openStudio({ port: 0, annotator: "anna", version: "0.0.0-test", log, ...options });
  return { ...studio, origin: new URL(studio.url).origin, logged };
}

/** A client that was let in: `cookie` of its ticket, and calls that carry it. */
export async function enter(studio: TestStudio) {
  const { headers } = await fetch(studio.url, { redirect: "manual" });
  const cookie = headers.get("set-cookie")!.split(";")[0]!;
  const call = async (path: string, body?: unknown, more: Record<string, string> = {}) => {
    const write = { "content-type": "application/json", "x-weak-teacher": "studio" };
    const reply = await fetch(`${studio.origin}${path}`, {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      headers: { cookie, ...(body === undefined ? {} : write), ...more },
    });
    return { status: reply.status, json: (await reply.json()) as Record<string, never> };
  };
  return { cookie, setCookie: headers.get("set-cookie")!, call };
}

/** Presses a key that answers, once the pair takes answers, and waits for the next pair or the end. */
export async function answer(page: Page, key: string): Promise<void> {
  const awake = page.locator('.pair[data-awake="true"]');
  await awake.waitFor();
  const place = await awake.getAttribute("data-place");
  await page.keyboard.press(key);
  await page.locator(`.finished, .pair:not([data-place="${place}"])`).first().waitFor();
}
