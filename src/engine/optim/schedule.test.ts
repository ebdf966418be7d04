import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { constantSchedule, cosineSchedule, createSchedule, linearSchedule, SCHEDULES } from "./schedule.ts";

describe("schedules equal those of transformers", () => {
  test("linear: up over 2 of 10 steps, then down to 0", () => {
    const schedule = linearSchedule({ warmupSteps: 2, totalSteps: 10 });
    // 0/2, 1/2, then (10 - t)/8
    expect([0, 1, 2, 3, 6, 9, 10, 12].map(schedule)).toEqual([0, 0.5, 1, 0.875, 0.5, 0.125, 0, 0]);
  });

  test("cosine: half a cosine after the warm-up", () => {
    const schedule = cosineSchedule({ warmupSteps: 2, totalSteps: 10 });
    // (1 + cos(π (t - 2)/8))/2: at t = 4 (1 + √½)/2 = 0.8535533905932737, at 6 a half, at 8 (1 - √½)/2
    const found = [0, 1, 2, 4, 6, 8, 10].map(schedule);
    const expected = [0, 0.5, 1, 0.8535533905932737, 0.5, 0.14644660940672627, 0];
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 14);
  });

  test("constant: up, then 1 for ever", () => {
    expect([0, 1, 3, 4, 1e6].map(constantSchedule({ warmupSteps: 4 }))).toEqual([0, 0.25, 0.75, 1, 1]);
    expect([0, 1].map(constantSchedule())).toEqual([1, 1]);
  });

  test("without warm-up the first step has the whole rate; the whole run may be warm-up", () => {
    for (const name of SCHEDULES) expect(createSchedule(name, { totalSteps: 5 })(0)).toBe(1);
    expect(linearSchedule({ warmupSteps: 3, totalSteps: 3 })(2)).toBeCloseTo(2 / 3, 14);
    expect(linearSchedule({ warmupSteps: 3, totalSteps: 3 })(3)).toBe(0);
  });
});

test("every factor is in [0, 1]; it never falls during warm-up nor rises after", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SCHEDULES),
      fc
        .integer({ min: 1, max: 200 })
        .chain((total) => fc.tuple(fc.constant(total), fc.integer({ min: 0, max: total }))),
      (name, [totalSteps, warmupSteps]) => {
        const schedule = createSchedule(name, { warmupSteps, totalSteps });
        for (let step = 0; step < totalSteps; step++) {
          const [now, next] = [schedule(step), schedule(step + 1)];
          expect(now >= 0 && now <= 1).toBe(true);
          if (step + 1 < warmupSteps) expect(next).toBeGreaterThan(now);
          if (step >= warmupSteps) expect(next).toBeLessThanOrEqual(now);
        }
      },
    ),
  );
});

test("a wrong name or count is refused with what was given", () => {
  expect(() => createSchedule("cosin", { totalSteps: 5 })).toThrow(
    /expected linear, cosine, constant, got "cosin".*cosine/,
  );
  expect(() => createSchedule("linear", { totalSteps: 5, warmupSteps: 6 })).toThrow(
    "a warm-up of 6 and a total of 5",
  );
  expect(() => createSchedule("linear", { totalSteps: 0 })).toThrow("a total of 0");
  expect(() => createSchedule("linear", { totalSteps: 1.5 })).toThrow("a total of 1.5");
});
