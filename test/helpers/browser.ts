/** Debian's Chromium, driven for tests of pages. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PLACES = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Where a browser is; undefined where there is none: tests of pages are then skipped, visibly. */
export const chromiumPath: string | undefined = PLACES.find((path) => path !== undefined && existsSync(path));

/** How long a test waits for what must come: only there to end a hang, for a busy machine is slow. */
export const PATIENCE_MS = 120_000;

/** Starts it. Sandboxes need rights that containers do not give. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox", "--disable-gpu"] });
