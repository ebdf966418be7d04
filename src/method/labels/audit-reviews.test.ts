import { expect, test } from "vitest";
import { wilson } from "../../base/stats/binomial.ts";
import { type ReviewEvent, reviewFigures, standingReviews } from "./audit-reviews.ts";

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const at = "2026-11-30T08:00:00.000Z";
const judged = (n: number, id: string, said: "chosen" | "rejected" | "tie"): ReviewEvent => ({
  ...{ kind: "judged", uuid: uuid(n), at, id, judged: said, left: "chosen", ms: 900 },
});
const decided = (n: number, id: string, decision: "keep" | "flip" | "tie" | "drop"): ReviewEvent => ({
  ...{ kind: "decided", uuid: uuid(n), at, id, decision },
});
const undo = (n: number, of: number): ReviewEvent => ({ kind: "undo", uuid: uuid(n), at, of: uuid(of) });

test("what stands: undo takes back a decision or its judgement, sent twice counts once, judged again is not blind", () => {
  const events = [
    judged(1, "p", "chosen"),
    decided(2, "p", "keep"),
    judged(3, "q", "rejected"),
    decided(4, "q", "flip"),
    undo(5, 4),
    undo(6, 3),
    judged(7, "q", "tie"),
    decided(8, "q", "drop"),
    judged(1, "p", "chosen"),
    undo(9, 1),
  ];
  const { judged: said, decided: what, seen, history } = standingReviews(events);
  expect([...said.keys()]).toEqual(["q"]);
  expect(said.get("q")!.judged).toBe("tie");
  // p's decision has lost the judgement that it rested on.
  expect([...what].map(([id, { decision }]) => [id, decision])).toEqual([["q", "drop"]]);
  expect([...seen]).toEqual(["q"]);
  expect(history.map((event) => event.uuid)).toEqual([2, 7, 8].map(uuid));
});

test("precision at k: a flip is an error, a tie half of one, dropped and planted ones do not count", () => {
  const suspects = Array.from({ length: 30 }, (_, k) => ({
    ...{ id: `s${k}`, prompt: `p${k}`, probabilityWrong: 0.9 - k / 100, planted: k === 5 },
  }));
  const decisionFor = (k: number) => (k % 4 === 0 ? "flip" : k === 1 ? "tie" : k === 2 ? "drop" : "keep");
  const events = suspects
    .slice(0, 25)
    .flatMap(({ id }, k) => [
      judged(2 * k, id, k % 4 === 0 ? "rejected" : "chosen"),
      decided(2 * k + 1, id, decisionFor(k)),
    ]);
  const { decided: counts, ...figures } = reviewFigures(suspects, standingReviews(events));
  expect(counts).toEqual({ flip: 7, tie: 1, drop: 1, keep: 16 });
  expect(figures.precisionAt.map(({ k }) => k)).toEqual([10, 20, 24]);
  const [ten, , all] = figures.precisionAt;
  // The first ten of the file's own: s0 … s10 without s5. Flipped s0, s4, s8; s1 a tie; s2 dropped.
  expect(ten!.precision!.estimate).toBeCloseTo(3.5 / 9, 12);
  expect(ten!.precision).toMatchObject({ n: 9, low: wilson(3.5, 9)!.low, high: wilson(3.5, 9)!.high });
  const expected = [0, 1, 3, 4, 6, 7, 8, 9, 10].map((k) => 0.9 - k / 100);
  expect(ten!.expected).toBeCloseTo(expected.reduce((total, p) => total + p, 0) / 9, 12);
  expect(all!.precision!.estimate).toBeCloseTo(7.5 / 23, 12);
  // Blind: of 24 of the file's own, seven against the label; the planted one was told from a right label.
  expect(figures.blindAgainst!.estimate).toBeCloseTo(7 / 24, 12);
  expect(figures.plantedFound).toMatchObject({ estimate: 1, n: 1 });
});

test("nothing reviewed, nothing said; a gap ends what precision at k may count", () => {
  const suspects = ["a", "b", "c"].map((id) => ({ id, prompt: id, probabilityWrong: 0.5, planted: false }));
  expect(reviewFigures(suspects, standingReviews([]))).toMatchObject({
    ...{ precisionAt: [], blindAgainst: null, plantedFound: null },
  });
  const gap = standingReviews([
    ...[
      judged(1, "a", "chosen"),
      decided(2, "a", "keep"),
      judged(3, "c", "rejected"),
      decided(4, "c", "flip"),
    ],
  ]);
  expect(reviewFigures(suspects, gap).precisionAt).toMatchObject([
    { k: 1, precision: { estimate: 0, n: 1 } },
  ]);
});
