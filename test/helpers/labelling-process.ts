/**
 * One labelling process, for tests that start several and kill some: `labelling-process.ts FOLDER PAIRS DELAY_MS`.
 * Its teacher is the random control, slowed down, so that a kill lands in the middle of a shard.
 */
import { createRng } from "../../src/base/core/rng.ts";
import { controlTeacher } from "../../src/method/teacher/control-teachers.ts";
import { randomControl } from "../../src/method/teacher/controls.ts";
import { labelPool } from "../../src/method/teacher/score-pool.ts";
import type { Teacher } from "../../src/method/teacher/teacher.ts";

/** Pairs of a pool, made as they are read. */
export function* numberedPairs(count: number) {
  for (let i = 0; i < count; i++) yield { id: `pair-${i}`, prompt: `prompt ${i}`, a: `a ${i}`, b: `b ${i}` };
}

/** The teacher of these tests. */
export function slowTeacher(delayMs: number): Teacher {
  const teacher = controlTeacher("random", randomControl(createRng(7)), { control: "random", seed: 7 });
  return {
    ...teacher,
    async scorePairs(pairs) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      return teacher.scorePairs(pairs);
    },
  };
}

const [folder, count, delayMs] = process.argv.slice(2);
if (process.argv[1]?.endsWith("labelling-process.ts") && folder !== undefined) {
  const { report } = await labelPool({
    teacher: slowTeacher(Number(delayMs)),
    pairs: () => numberedPairs(Number(count)),
    folder,
    shardSize: 25,
    pollMs: 20,
  });
  console.log(JSON.stringify(report));
}
