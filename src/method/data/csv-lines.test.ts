import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readTable } from "../../../test/helpers/read-table.ts";
import { csvText, withoutApostrophe } from "./csv-lines.ts";

test("cells that a spreadsheet would run are disarmed; numbers stay numbers", () => {
  expect(csvText(["id", "x"], [{ id: "=HYPERLINK(1)", x: -2 }])).toBe("\ufeffid,x\r\n'=HYPERLINK(1),-2\r\n");
  expect(csvText(["a"], [{ a: 'say "x", y' }])).toBe('\ufeffa\r\n"say ""x"", y"\r\n');
});

test("whatever is written is read back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wt-csv-"));
  const texts = fc.array(
    fc.string().filter((text) => !/^'[=+\-@\t\r]/.test(text)),
    { minLength: 1, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(texts, async (list) => {
      await writeFile(
        join(folder, "t.csv"),
        csvText(
          ["id", "text"],
          list.map((text, i) => ({ id: `${i}`, text })),
        ),
      );
      const rows = await readTable(join(folder, "t.csv"));
      expect(rows.map((row) => withoutApostrophe(String(row.text)))).toEqual(list);
    }),
    { numRuns: 50 },
  );
  await rm(folder, { recursive: true });
});
