import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseDocumentText } from "../src/base/settings/document.ts";
import { resolveRecipe } from "../src/pipeline/recipe/parse.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const bin: string = manifest.bin["weak-teacher"];
const ownData = readFileSync(join(root, "docs/own-data.md"), "utf8");
const blocks = (language: string, page = readme) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, body]) => body!);

// `npm test` has just built; a second build would pull dist from under the tests that run it.
const commands = blocks("sh")
  .filter((block) => !block.startsWith("# needs:"))
  .flatMap((block) => block.trim().split("\n"))
  .filter((line) => line !== "npm run build");

describe("the README", () => {
  test("has commands that need nothing but the build", () => expect(commands.length).toBeGreaterThan(2));

  test.skipIf(!existsSync(join(root, bin))).each(commands)("%s works as written", (command) => {
    const runs = mkdtempSync(join(tmpdir(), "readme-"));
    // npx runs what package.json names, by a link in a cache of its own that other checkouts share.
    const run = command.replace(/^npx weak-teacher/, `node ${bin}`);
    const line = run.includes("demo") ? `${run} --out ${runs}` : run;
    const output = execFileSync("bash", ["-c", line], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(output.length).toBeGreaterThan(100);
  });

  test.each([...blocks("yaml"), ...blocks("yaml", ownData)].filter((text) => text.includes("version: 1")))(
    "recipe %#, of this page or of that on one's own data, is one that runs",
    (text) => {
      const recipe = resolveRecipe([parseDocumentText(text, "README.md")], [], "readme");
      expect(recipe.arms.length).toBeGreaterThan(1);
    },
  );

  test("fits in a screen and a half", () => expect(readme.split("\n").length).toBeLessThan(110));
});

/** Every Markdown page of the project, relative to its root; reports are made by a program. */
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !name.endsWith("report.md"))
    .map((name) => join("docs", name)),
];

describe("the pages", () => {
  test.each(pages)("every file that %s links to is there", (page) => {
    const text = readFileSync(join(root, page), "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "");
    const links = [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, path]) => path!);
    expect(links.filter((path) => !existsSync(join(root, dirname(page), path)))).toEqual([]);
  });

  test("every dependency has a reason", () => {
    const names = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    const reasons = readFileSync(join(root, "docs/dependencies.md"), "utf8");
    expect(
      names.filter((name) => !reasons.includes(`| \`${name}\``) && !reasons.includes(`, \`${name}\``)),
    ).toEqual([]);
  });
});
