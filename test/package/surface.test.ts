/** Every name that is public, pinned: a name that comes or goes is a decision, and a line in CHANGELOG.md. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pages, subpaths, surfaceOf } from "../../scripts/pages/api.mjs";

describe("the public surface", () => {
  test("has these names", async () => {
    const lines = subpaths().flatMap(({ name, entry }) =>
      surfaceOf(entry)
        .map((found) => `${name} ${found.kind} ${found.name}`)
        .sort(),
    );
    await expect(`${[...new Set(lines)].join("\n")}\n`).toMatchFileSnapshot("surface.txt");
  });

  test("no two things of one subpath have one name", () => {
    for (const { entry } of subpaths()) {
      const names = surfaceOf(entry)
        .filter(({ kind }) => kind !== "function")
        .map(({ name }) => name);
      expect(
        names.filter((name, i) => names.indexOf(name) !== i),
        entry,
      ).toEqual([]);
    }
  });

  test("every name is documented", () => {
    const bare = subpaths().flatMap(({ name, entry }) =>
      surfaceOf(entry)
        .filter(({ doc }) => doc === "")
        .map((found) => `${name} ${found.name}`),
    );
    expect(bare).toEqual([]);
  });

  test.each(pages())(
    "docs/api/$path is what the declarations say (write it with: npm run pages)",
    async ({ path, text }) => {
      await expect(text).toMatchFileSnapshot(join("../../docs/api", path));
    },
  );
});
