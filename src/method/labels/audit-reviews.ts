/**
 * What people do while they go through the suspects of an audit, as events that are only ever added: first a judgement without knowing the
 * label, then, once the label is shown, a decision about it; undo takes back either. What stands is a fold over them.
 */
import { z } from "zod";
import type { Interval } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import { mean } from "../../base/stats/describe.ts";

const uuid = z.uuid();
const at = z.iso.datetime();
const id = z.string().min(1).max(10_000);

/** What can be decided about a label. */
export const DECISIONS = ["keep", "flip", "tie", "drop"] as const;

/** One event. `uuid` is drawn by whoever sends it: sent twice, it is kept once. `at`: when the server took it. */
export const reviewEventSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("judged"),
    ...{ uuid, at, id },
    /** Which response is better, by what the file calls it; the person did not know which is which. */
    judged: z.enum(["chosen", "rejected", "tie"]),
    /** Which stood left. */
    left: z.enum(["chosen", "rejected"]),
    /** From the pair's showing to the key, milliseconds. */
    ms: z.number().min(0),
  }),
  z.strictObject({ kind: z.literal("decided"), ...{ uuid, at, id }, decision: z.enum(DECISIONS) }),
  z.strictObject({ kind: z.literal("undo"), uuid, at, of: uuid }),
]);

/** One event. */
export type ReviewEvent = z.infer<typeof reviewEventSchema>;
/** The event of a judgement. */
export type PairJudged = Extract<ReviewEvent, { kind: "judged" }>;
/** The event of a decision. */
export type LabelDecided = Extract<ReviewEvent, { kind: "decided" }>;

/** What stands after all events. */
export type ReviewsStanding = {
  /** The last judgement of each pair that was not undone. */
  readonly judged: ReadonlyMap<string, PairJudged>;
  /** The last decision of each pair whose judgement stands. */
  readonly decided: ReadonlyMap<string, LabelDecided>;
  /** Pairs that were judged again after their label had been shown: not blind any more. */
  readonly seen: ReadonlySet<string>;
  /** What was not undone, in the order it was done: undo takes the last. */
  readonly history: readonly (PairJudged | LabelDecided)[];
};

/** Folds events, in their order, into what stands. A uuid that comes again changes nothing. */
export function standingReviews(events: Iterable<ReviewEvent>): ReviewsStanding {
  const done = new Map<string, PairJudged | LabelDecided>();
  const known = new Set<string>();
  const shown = new Set<string>();
  const seen = new Set<string>();
  for (const event of events) {
    if (known.has(event.uuid)) continue;
    known.add(event.uuid);
    if (event.kind === "undo") done.delete(event.of);
    else done.set(event.uuid, event);
    if (event.kind !== "judged") continue;
    if (shown.has(event.id)) seen.add(event.id);
    shown.add(event.id);
  }
  const history = [...done.values()];
  const judged = new Map(history.filter((e) => e.kind === "judged").map((e) => [e.id, e]));
  const decided = new Map(
    history.filter((e) => e.kind === "decided" && judged.has(e.id)).map((e) => [e.id, e as LabelDecided]),
  );
  return { judged, decided, seen, history };
}

/** A suspect as figures need it; `prompt` names its prompt. Of a planted one it is known that the judged label is wrong. */
export type ReviewedSuspect = {
  readonly id: string;
  readonly prompt: string;
  /** That the file's label is wrong, in [0, 1]. */
  readonly probabilityWrong: number;
  readonly planted: boolean;
};

/** What reviews say; intervals by prompt, null where nothing was counted. Planted flips are no errors of the file and have a row of their own. */
export type ReviewFigures = {
  readonly decided: Readonly<Record<LabelDecided["decision"], number>>;
  /**
   * Of the first k suspects, the share whose label was wrong: flipped, or a tie for one half; dropped ones are left out. For each k up to which
   * every suspect was decided. `expected`: the mean of what the audit said of the same pairs.
   */
  readonly precisionAt: readonly {
    readonly k: number;
    readonly precision: Interval | null;
    readonly expected: number | null;
  }[];
  /** Of judgements made without knowing the label, the share against it; a tie counts one half. */
  readonly blindAgainst: Interval | null;
  /** Of planted flips that were judged blind, the share that was told from right labels. */
  readonly plantedFound: Interval | null;
};

const KS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const WRONG: Readonly<Record<string, number>> = { keep: 0, flip: 1, tie: 0.5, chosen: 0, rejected: 1 };

/** @param suspects - likeliest error first */
export function reviewFigures(
  suspects: readonly ReviewedSuspect[],
  { judged, decided, seen }: ReviewsStanding,
): ReviewFigures {
  const counts = { keep: 0, flip: 0, tie: 0, drop: 0 };
  for (const { decision } of decided.values()) counts[decision]++;
  const own = suspects.filter(({ planted }) => !planted);
  const open = own.findIndex((suspect) => !decided.has(suspect.id));
  const reviewed = open < 0 ? own.length : open;
  const ks = [...KS.filter((k) => k < reviewed), ...(reviewed > 0 ? [reviewed] : [])];
  const blind = suspects.filter((suspect) => judged.has(suspect.id) && !seen.has(suspect.id));
  return {
    decided: counts,
    precisionAt: ks.map((k) => ({ k, ...precisionOf(own.slice(0, k), decided) })),
    blindAgainst: shareOf(
      blind.filter(({ planted }) => !planted),
      (suspect) => WRONG[judged.get(suspect.id)!.judged]!,
    ),
    // The planted label is the other way round: against it is with the file.
    plantedFound: shareOf(
      blind.filter(({ planted }) => planted),
      (suspect) => 1 - WRONG[judged.get(suspect.id)!.judged]!,
    ),
  };
}

function precisionOf(suspects: readonly ReviewedSuspect[], decided: ReviewsStanding["decided"]) {
  const counted = suspects.filter(({ id: suspect }) => decided.get(suspect)!.decision !== "drop");
  return {
    precision: shareOf(counted, (suspect) => WRONG[decided.get(suspect.id)!.decision]!),
    expected: counted.length === 0 ? null : mean(counted.map(({ probabilityWrong }) => probabilityWrong)),
  };
}

const shareOf = (suspects: readonly ReviewedSuspect[], wrong: (suspect: ReviewedSuspect) => number) =>
  clusteredShare(
    suspects.map(wrong),
    suspects.map(({ prompt }) => prompt),
  );
