/** "Did you mean": the nearest known word to a misspelt one. */

const LONGEST = 100;

/** The candidate at the smallest edit distance, if it is near enough to be meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // Nobody misspells a word of this length; the distance would take its square.
  if (word.length > LONGEST) return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

const VALIDATED = ": validation.share sets pairs aside, and they are measured every validation.steps";

/** What people call by other names: what they mean, and why. */
const ALIASES: ReadonlyMap<string, { readonly meant: readonly string[]; readonly why?: string }> = new Map([
  ["dpo", { meant: ["sigmoid"], why: ", which is DPO" }],
  ["gpu", { meant: ["cuda", "webgpu"] }],
  ["per_device_train_batch_size", { meant: ["batch_size"], why: ", the pairs or rows of a whole step" }],
  [
    "gradient_accumulation_steps",
    {
      meant: ["batch_size", "micro_batch_tokens"],
      why: ": the rows of a whole step, and how many tokens of them are in memory at once",
    },
  ],
  ["eval_steps", { meant: ["validation", "steps"], why: VALIDATED }],
  ["eval_strategy", { meant: ["validation", "steps"], why: VALIDATED }],
  ["evaluation_strategy", { meant: ["validation", "steps"], why: VALIDATED }],
  ["val_set_size", { meant: ["validation", "share"], why: VALIDATED }],
  ["val_size", { meant: ["validation", "share"], why: VALIDATED }],
  ["load_best_model_at_end", { meant: ["validation", "keep"], why: ": validation.keep is best or last" }],
  ["metric_for_best_model", { meant: ["validation", "metric"], why: ": validation.metric" }],
  [
    "greater_is_better",
    { meant: ["validation", "metric"], why: ": validation.metric says which way is better, too" },
  ],
  ["early_stopping_patience", { meant: ["validation", "patience"], why: ": validation.patience" }],
  ["early_stopping_threshold", { meant: ["validation", "min_delta"], why: ": validation.min_delta" }],
  ["epochs", { meant: ["num_train_epochs"] }],
  ["lr", { meant: ["learning_rate"] }],
]);

/** `; did you mean "x"?` or the empty string. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const known = [...candidates];
  const { meant = [], why = "" } = ALIASES.get(word.toLowerCase()) ?? {};
  const aliases = known.includes(word) ? [] : meant.filter((name) => known.includes(name));
  if (aliases.length > 0) return `; did you mean ${aliases.map((name) => `"${name}"`).join(" or ")}${why}?`;
  const candidate = nearest(word, known);
  return candidate === undefined ? "" : `; did you mean "${candidate}"?`;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      row.push(cost);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
