/** Encoders' reward models of many settings, written and computed by transformers: same scores and gradients here. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRuntime } from "../../src/engine/runtime/runtime.ts";
import { checkFixture } from "../../src/method/parity/check.ts";
import { type Fixture, openFixtures } from "../../src/method/parity/fixture.ts";
import { python, runPythonLong } from "../interop/python.ts";

describe.skipIf(python === undefined)("encoders as transformers computes them", () => {
  const runtime = openRuntime({ threads: 1 });
  let folder: string;
  let fixtures: Fixture[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "encoders-"));
    await runPythonLong("encoder_fixtures.py", [folder]);
    fixtures = await openFixtures(folder);
  }, 600_000);
  afterAll(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });

  test("all settings agree in every number", async () => {
    expect(fixtures.map(({ expected }) => expected.family).filter((f) => f === "modernbert")).toHaveLength(6);
    expect(fixtures).toHaveLength(14);
    for (const fixture of fixtures) {
      const findings = await checkFixture(runtime, fixture);
      expect(
        findings.filter(({ shareOfLimit }) => !(shareOfLimit <= 1)),
        fixture.expected.name,
      ).toEqual([]);
      expect(findings.reduce((total, { numbers }) => total + numbers, 0)).toBeGreaterThan(100);
    }
  });
});
