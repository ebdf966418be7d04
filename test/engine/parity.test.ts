import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { checkFixture } from "../../src/evaluate/parity/check.ts";
import { openFixtures } from "../../src/evaluate/parity/fixture.ts";
import { openRuntime } from "../../src/runtime/runtime.ts";

const folder = fileURLToPath(new URL("../../../shared/fixtures/parity", import.meta.url));
const present = existsSync(folder);
const fixtures = present ? await openFixtures(folder) : [];

describe.skipIf(!present)("parity with Hugging Face (fixtures of ../shared)", () => {
  const runtime = openRuntime({ threads: 1 });
  afterAll(() => runtime.close());

  test("there are 22 fixtures", () => expect(fixtures.length).toBe(22));

  test.each(fixtures.map((f) => [f.expected.name, f] as const))(
    "%s agrees in every number",
    async (_name, fixture) => {
      const findings = await checkFixture(runtime, fixture);
      expect(findings.filter((f) => !(f.shareOfLimit <= 1))).toEqual([]);
      expect(findings.reduce((total, f) => total + f.numbers, 0)).toBeGreaterThan(300);
    },
  );
});
