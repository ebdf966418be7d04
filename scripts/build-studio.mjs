/**
 * The studio's page: `src/interfaces/studio/ui` into `dist/studio`, after `tsc` has written dist. Preact, signals and the bundler are needed
 * here only. The page may import no Node module, and its stamp is that of everything it is made of.
 *
 *   node scripts/build-studio.mjs
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = join(root, "src/interfaces/studio");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { LIGHT, DARK, CHARTS, TOKENS } = await import(
  new URL("../dist/report/page/style.js", import.meta.url).href
);

/** Of the package's version and all sources of the studio: page and server of one stamp were built together. */
function stampOf() {
  const hash = createHash("sha256")
    .update(version)
    .update(LIGHT + DARK + CHARTS + TOKENS);
  for (const name of readdirSync(sources, { recursive: true }).sort())
    if (/\.(tsx?|css|html)$/.test(name) && !name.endsWith(".test.ts"))
      hash.update(name.replaceAll("\\", "/")).update(readFileSync(join(sources, name)));
  return hash.digest("hex").slice(0, 16);
}

/** The report's colours and how it draws charts, so that page and report look alike. */
const colours = `:root{${LIGHT}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK}}}
:root[data-theme=dark]{${DARK}}
${CHARTS}
${TOKENS}`;

const house = {
  name: "house",
  enforce: "pre",
  resolveId(id, importer) {
    if (id.startsWith("node:")) this.error(`${importer} imports ${id}, which no browser has`);
    return id === "virtual:colours.css" ? "\0colours.css" : undefined;
  },
  load: (id) => (id === "\0colours.css" ? colours : undefined),
};

const stamp = stampOf();
await build({
  root: join(sources, "ui"),
  configFile: false,
  logLevel: "warn",
  plugins: [house],
  define: { __BUILD__: JSON.stringify(stamp) },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: join(root, "dist/studio"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    // Everything is a file of ours: the page's policy lets no data: address in.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
writeFileSync(join(root, "dist/studio/build.json"), `${JSON.stringify({ build: stamp })}\n`);
