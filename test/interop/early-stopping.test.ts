/** The rules of validation beside transformers' Trainer on the same values: which weights come out, and where training ends. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRng } from "../../src/base/core/rng.ts";
import { isOver, NOTHING_VALIDATED, validated } from "../../src/method/train/validation.ts";
import { python, runPythonLong } from "./python.ts";

type Case = {
  readonly values: readonly number[];
  readonly metric: "loss" | "accuracy";
  readonly patience: number | null;
  readonly min_delta: number;
};

/** Values in quarters, so that equal ones and gains of exactly min_delta come up. */
const cases: Case[] = Array.from({ length: 30 }, (_, i) => {
  const rng = createRng(i);
  return {
    values: Array.from({ length: 4 + rng.int(6) }, () => rng.int(8) / 4),
    metric: i % 2 === 0 ? "loss" : "accuracy",
    patience: i % 6 === 0 ? null : 1 + rng.int(3),
    min_delta: i % 3 === 0 ? 0 : rng.int(3) / 4,
  };
});

function ours({ values, metric, patience, min_delta: minDelta }: Case) {
  const rule = { metric, minDelta, patience: patience ?? undefined };
  let state = NOTHING_VALIDATED;
  for (const [i, value] of values.entries()) {
    state = validated(rule, state, i + 1, value).now;
    if (isOver(rule, state)) return { ended: i + 1, kept: state.best!.step };
  }
  return { ended: values.length, kept: state.best!.step };
}

test.skipIf(python === undefined)(
  "transformers keeps the same step and ends at the same one, in 30 series (scripts/python-env.sh)",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "early-"));
    try {
      await writeFile(join(folder, "cases.json"), JSON.stringify(cases));
      await runPythonLong("early_stopping.py", [join(folder, "cases.json"), folder]);
      const theirs = JSON.parse(await readFile(join(folder, "results.json"), "utf8")) as unknown[];
      expect(theirs).toHaveLength(30);
      for (const [i, one] of cases.entries()) expect(ours(one), JSON.stringify(one)).toEqual(theirs[i]);
      expect(
        cases.map(ours).filter(({ ended }, i) => ended < cases[i]!.values.length).length,
      ).toBeGreaterThan(8);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  300_000,
);
