import { expect, test } from "vitest";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import type { LabelFacts } from "../job/label-stages.ts";
import { teacherTables } from "./teachers.ts";

/** `agree` of 8 pairs, by two of a prompt. */
const shareOf = (agree: number) =>
  clusteredShare(
    Array.from({ length: 8 }, (_, i) => i < agree),
    Array.from({ length: 8 }, (_, i) => `p${i >> 1}`),
  );

const facts = (over: Partial<LabelFacts>): LabelFacts => ({
  teacher: { name: "weak", kind: "implicit-reward", digest: "d" },
  teachers: [{ name: "weak", kind: "implicit-reward", digest: "d" }],
  counts: { pairs: 4, a: 2, b: 2, tie: 0, abstain: 0, unselected: 0, flags: {} },
  promise: null,
  calibration: null,
  heldOutAccuracy: { agree: 6, n: 8, share: shareOf(6) },
  ensemble: null,
  settings: {},
  ...over,
});

test("one trained teacher has no table of its own", () => {
  expect(teacherTables(facts({}))).toEqual([]);
});

test("an ensemble stands beside its members, its uncertainty in two parts", () => {
  const calibrator = {} as NonNullable<LabelFacts["ensemble"]>["members"][number]["calibrator"];
  const member = (name: string, agree: number) => ({
    name,
    digest: "d",
    form: { form: "sum" } as const,
    calibrator,
    heldOut: { agree, n: 8, share: shareOf(agree) },
  });
  const uncertainty = {
    members: 2,
    pairs: 4,
    agreement: 0.75,
    total: 0.6,
    expected: 0.5,
    mutualInformation: 0.1,
  };
  const [table] = teacherTables(
    facts({ ensemble: { members: [member("weak", 5), member("weak-2", 4)], uncertainty } }),
  );
  expect(table!.rows.map(([name]) => name)).toEqual(["weak", "weak-2", "all together"]);
  expect(table!.rows.map((row) => row[2])).toMatchObject([
    { estimate: 0.625, n: 4 },
    { estimate: 0.5, n: 4 },
    { estimate: 0.75, n: 4 },
  ]);
  expect(table!.notes![0]).toContain("75.0 % of the 2 members");
  expect(table!.notes![0]).toContain("0.600 nats (at most 0.693): 0.500 in the members' own");
});

test("a judge's position flips have an interval where prompts are known, and none where they are not", () => {
  const rate = { rate: 0.25, judged: 8 };
  const judge = {
    model: "m",
    promptDigest: "0123456789abcdef",
    positionFlips: { ...rate, share: shareOf(2) },
  };
  const [table] = teacherTables(
    facts({ teachers: [{ name: "judge", kind: "judge-chat", digest: "d", judge }] }),
  );
  expect(table!.rows[0]!.slice(0, 2)).toEqual(["m", "0123456789ab"]);
  expect(table!.rows[0]![2]).toMatchObject({ estimate: 0.25, n: 4 });
  const without = { ...judge, positionFlips: rate };
  const [other] = teacherTables(
    facts({ teachers: [{ name: "judge", kind: "judge-chat", digest: "d", judge: without }] }),
  );
  expect(other!.rows[0]![2]).toBe(0.25);
});
