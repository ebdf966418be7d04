import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { checkFixture } from "../../src/evaluate/parity/check.ts";
import { openFixtures } from "../../src/evaluate/parity/fixture.ts";
import { openRuntime } from "../../src/runtime/runtime.ts";

const shared = (name: string) => fileURLToPath(new URL(`../../../shared/fixtures/${name}`, import.meta.url));

/** Fixtures of transformers 4 and of transformers 5, which writes other keys. */
describe.each([
  ["parity", 22],
  ["parity-v5", 13],
])("parity with Hugging Face (fixtures %s of ../shared)", (name, count) => {
  const present = existsSync(shared(name));
  describe.skipIf(!present)("", async () => {
    const fixtures = present ? await openFixtures(shared(name)) : [];
    const runtime = openRuntime({ threads: 1 });
    afterAll(() => runtime.close());

    test(`there are ${count} fixtures`, () => expect(fixtures.length).toBe(count));

    test.each(fixtures.map((f) => [f.expected.name, f] as const))(
      "%s agrees in every number",
      async (_name, fixture) => {
        const findings = await checkFixture(runtime, fixture);
        expect(findings.filter((f) => !(f.shareOfLimit <= 1))).toEqual([]);
        expect(findings.reduce((total, f) => total + f.numbers, 0)).toBeGreaterThan(300);
      },
    );
  });
});
