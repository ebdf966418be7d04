import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseDocumentText } from "../src/base/settings/document.ts";
import { resolveRecipe } from "../src/pipeline/recipe/parse.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, body]) => body!);

// `npm test` has just built; a second build would pull dist from under the tests that run it.
const commands = blocks("sh")
  .filter((block) => !block.startsWith("# needs:"))
  .flatMap((block) => block.trim().split("\n"))
  .filter((line) => line !== "npm run build");

describe("the README", () => {
  test("has commands that need nothing but the build", () => expect(commands.length).toBeGreaterThan(2));

  test.skipIf(!existsSync(join(root, "dist/interfaces/cli/main.js"))).each(commands)(
    "%s works as written",
    (command) => {
      const runs = mkdtempSync(join(tmpdir(), "readme-"));
      const line = command.includes("demo") ? `${command} --out ${runs}` : command;
      const output = execFileSync("bash", ["-c", line], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
      expect(output.length).toBeGreaterThan(100);
    },
  );

  test.each(blocks("yaml").filter((text) => text.includes("version: 1")))(
    "recipe %# is one that runs",
    (text) => {
      const recipe = resolveRecipe([parseDocumentText(text, "README.md")], [], "readme");
      expect(recipe.arms.length).toBeGreaterThan(1);
    },
  );

  test("every file it links to is there", () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path!);
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
