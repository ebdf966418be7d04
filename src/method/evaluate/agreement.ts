/**
 * Labels against human or gold labels, joined by id. Ties and abstentions are counted and never enter a rate; a rate of
 * nothing is null with n = 0.
 */
import { AlignError } from "../../base/core/errors.ts";
import type { Rng } from "../../base/core/rng.ts";
import { wilson } from "../../base/stats/binomial.ts";
import { massBins } from "../../base/stats/bins.ts";
import { type BootstrapOptions, clusterBootstrap, SHARE } from "../../base/stats/bootstrap.ts";
import type { Interval } from "../../base/stats/check.ts";
import { mean } from "../../base/stats/describe.ts";
import { cohenKappa } from "../../base/stats/kappa.ts";
import type { Label } from "../labels/label.ts";

/** What any labeller said of a pair; a `Label` is one. */
export type Choice = Pick<Label, "id" | "preferred">;

/** `clusters`: cluster bootstrap by the name given to each id (its prompt); without it, Wilson's interval. */
export type AgreementOptions = {
  readonly level?: number | undefined;
  readonly clusters?: {
    readonly of: (id: string) => string;
    readonly rng: Rng;
    readonly resamples?: number | undefined;
  };
};

/** Every joined pair is in exactly one of n, ties, abstained and referenceUndecided. */
export type Agreement = {
  /** Share of the n pairs on which both prefer the same side; null when n is 0. */
  readonly agreement: Interval | null;
  /** Cohen's κ on the same pairs; null when undefined. */
  readonly kappa: number | null;
  /** κ with its interval over clusters; null without clusters. */
  readonly kappaInterval: Interval | null;
  readonly agree: number;
  /** Pairs on which both prefer a side. */
  readonly n: number;
  readonly ties: number;
  readonly abstained: number;
  /** The label prefers a side, the reference does not. */
  readonly referenceUndecided: number;
  readonly missingInReference: readonly string[];
  readonly missingInLabels: readonly string[];
};

type Decided = { readonly preferred: "a" | "b" };

const decided = (choice: Choice): choice is Choice & Decided =>
  choice.preferred === "a" || choice.preferred === "b";

/** Two label files joined by id, in the order of the first. */
export type Joined<L extends Choice, R extends Choice> = {
  readonly pairs: readonly { readonly label: L; readonly reference: R }[];
  readonly missingInReference: readonly string[];
  readonly missingInLabels: readonly string[];
};

/** Joins by id; what has no partner is listed. @throws AlignError when an id occurs twice on one side */
export function joinChoices<L extends Choice, R extends Choice>(
  labels: readonly L[],
  references: readonly R[],
): Joined<L, R> {
  const byId = indexed("labels", labels);
  const referenceById = indexed("reference labels", references);
  return {
    pairs: labels.flatMap((label) => {
      const reference = referenceById.get(label.id);
      return reference ? [{ label, reference }] : [];
    }),
    missingInReference: labels.flatMap(({ id }) => (referenceById.has(id) ? [] : [id])),
    missingInLabels: references.flatMap(({ id }) => (byId.has(id) ? [] : [id])),
  };
}

function indexed<T extends Choice>(what: string, choices: readonly T[]): Map<string, T> {
  const byId = new Map<string, T>();
  for (const choice of choices) {
    if (byId.has(choice.id))
      throw new AlignError(
        "data",
        `agreement: id ${JSON.stringify(choice.id)} is twice in the ${what}, expected once.`,
      );
    byId.set(choice.id, choice);
  }
  return byId;
}

/**
 * Agreement of labels with reference labels (WDPO Table 1).
 *
 * @throws AlignError when an id occurs twice on one side
 */
export function agreementWith(
  labels: readonly Choice[],
  references: readonly Choice[],
  options: AgreementOptions = {},
): Agreement {
  const { pairs, ...missing } = joinChoices(labels, references);
  const both = comparable(pairs);
  const hits = both.filter(agrees).length;
  return {
    agreement: rate(both, options),
    kappa: kappaOf(both),
    kappaInterval: resampled(both, ({ label }) => label.id, kappaOf, options),
    agree: hits,
    n: both.length,
    ties: pairs.filter(({ label }) => label.preferred === "tie").length,
    abstained: pairs.filter(({ label }) => label.preferred === "abstain").length,
    referenceUndecided: pairs.filter(({ label, reference }) => decided(label) && !decided(reference)).length,
    ...missing,
  };
}

type Pair<L extends Choice = Choice> = { readonly label: L; readonly reference: Choice };

function comparable<L extends Choice>(pairs: readonly Pair<L>[]): Pair<L>[] {
  return pairs.filter(({ label, reference }) => decided(label) && decided(reference));
}

const agrees = ({ label, reference }: Pair) => label.preferred === reference.preferred;

const rate = (pairs: readonly Pair[], options: AgreementOptions): Interval | null =>
  shareOf(
    pairs.map((pair) => ({ id: pair.label.id, is: agrees(pair) })),
    options,
  );

/** Share of items for which something is so, as `AgreementOptions` say; null without items. */
export function shareOf(
  items: readonly { readonly id: string; readonly is: boolean }[],
  options: AgreementOptions,
): Interval | null {
  const byCluster = resampled(
    items,
    ({ id }) => id,
    (sample) => mean(sample.map(({ is }) => Number(is))),
    options,
    SHARE,
  );
  return options.clusters
    ? byCluster
    : wilson(items.filter(({ is }) => is).length, items.length, options.level ?? 0.95);
}

/** A figure with an interval over clusters; null without clusters. */
function resampled<T>(
  items: readonly T[],
  idOf: (item: T) => string,
  statistic: (sample: readonly T[]) => number | null,
  { level = 0.95, clusters }: AgreementOptions,
  range?: BootstrapOptions["range"],
): Interval | null {
  if (!clusters) return null;
  const { of, rng, resamples } = clusters;
  const names = items.map((item) => of(idOf(item)));
  return clusterBootstrap(items, names, statistic, {
    rng,
    level,
    resamples,
    range,
  });
}

const kappaOf = (pairs: readonly Pair[]) =>
  cohenKappa(
    pairs.map(({ label }) => label.preferred),
    pairs.map(({ reference }) => reference.preferred),
  );

/** Agreement of one bin of pairs; `low` and `high` bound what was binned. */
export type AgreementBin = {
  readonly low: number;
  readonly high: number;
  readonly n: number;
  readonly agreement: Interval;
};

/** Agreement by any figure of the label, in bins of equal numbers (default 10). */
export function agreementBy<L extends Choice>(
  labels: readonly L[],
  references: readonly Choice[],
  by: (label: L, reference: Choice) => number,
  options: AgreementOptions & { readonly bins?: number } = {},
): AgreementBin[] {
  const both = comparable(joinChoices(labels, references).pairs);
  return massBins(
    both.map(({ label, reference }) => by(label, reference)),
    options.bins ?? 10,
  ).map(({ low, high, items }) => {
    return {
      low,
      high,
      n: items.length,
      agreement: rate(
        items.map((i) => both[i]!),
        options,
      )!,
    };
  });
}

/** `coverage`: share of the comparable pairs with confidence at or above `threshold`; `accuracy`: agreement among these. */
export type CoveragePoint = {
  readonly coverage: number;
  readonly threshold: number;
  readonly n: number;
  readonly accuracy: Interval;
};

/**
 * Coverage-accuracy curve (El-Yaniv & Wiener 2010): agreement among the most confident labels, from few to all of the
 * pairs on which both sides decide. Equal confidences enter together.
 *
 * @param options.points - at most so many points, default 20
 */
export function coverageCurve(
  labels: readonly Label[],
  references: readonly Choice[],
  options: AgreementOptions & { readonly points?: number } = {},
): CoveragePoint[] {
  const both = comparable(joinChoices(labels, references).pairs);
  const bins = massBins(
    both.map(({ label }) => -label.pChosen!),
    options.points ?? 20,
  );
  const kept: Pair[] = [];
  return bins.map(({ high, items }) => {
    kept.push(...items.map((i) => both[i]!));
    return {
      coverage: kept.length / both.length,
      threshold: -high,
      n: kept.length,
      accuracy: rate(kept, options)!,
    };
  });
}
