import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mutants } from "../../scripts/mutants-list.mjs";

const at = (path: string) => new URL(`../../${path}`, import.meta.url);

test("each mutation finds its place once, in a file that is there, and names tests that are there", () => {
  const lost = mutants.filter(({ file, find, tests }) => {
    const places = existsSync(at(file)) ? readFileSync(at(file), "utf8").split(find).length - 1 : 0;
    return places !== 1 || tests.length === 0 || !tests.every((path) => existsSync(at(path)));
  });
  expect(mutants.length).toBeGreaterThan(30);
  expect(lost.map(({ name }) => name)).toEqual([]);
});
