import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { openRuntime } from "../../src/engine/runtime/runtime.ts";
import { checkFixture } from "../../src/method/parity/check.ts";
import { openFixtures } from "../../src/method/parity/fixture.ts";

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Fixtures of transformers 4, of transformers 5, which writes other keys, and of our own (scripts/parity-fixtures.py). */
describe.each([
  ["../../../shared/fixtures/parity", 22],
  ["../../../shared/fixtures/parity-v5", 13],
  ["../fixtures/families", 37],
])("parity with Hugging Face (%s)", (path, count) => {
  const present = existsSync(folder(path));
  describe.skipIf(!present)("", async () => {
    const fixtures = present ? await openFixtures(folder(path)) : [];
    const runtime = openRuntime({ threads: 1 });
    afterAll(() => runtime.close());

    test(`there are ${count} fixtures`, () => expect(fixtures.length).toBe(count));

    test.each(fixtures.map((f) => [f.expected.name, f] as const))(
      "%s agrees in every number",
      async (_name, fixture) => {
        const findings = await checkFixture(runtime, fixture);
        expect(findings.filter((f) => !(f.shareOfLimit <= 1))).toEqual([]);
        expect(findings.reduce((total, f) => total + f.numbers, 0)).toBeGreaterThan(100);
      },
    );
  });
});
