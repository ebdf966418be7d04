/** What each number means, in a sentence or two; a report prints the terms it uses. */

/** Terms a section can ask for, with their definitions. */
export const GLOSSARY = {
  interval: {
    term: "interval",
    definition:
      "Range in brackets after an estimate, at the level and by the method named under the headline; n is the number of units (prompts, pairs) it rests on.",
  },
  goldReward: {
    term: "gold reward",
    definition:
      "Mean score that the gold scorer gives to the student's responses to test prompts. Its scale is the scorer's own: differences mean something, levels across scorers do not.",
  },
  winRate: {
    term: "win rate",
    definition:
      "Share of pairs of responses to one test prompt, one of each arm, in which this arm's scores above the other's, ties counting half. With several samples a prompt those of equal number are paired; the prompt is the unit of the interval. 50 % is no difference.",
  },
  testAccuracy: {
    term: "test accuracy",
    definition:
      "Share of labelled test pairs whose chosen response the student's implicit reward, beta (log policy − log reference), puts first. Chance is 50 %. An arm without preference training has no reference and no such figure; its likelihood, log policy alone, is another measure, which favours short responses, and stands apart for every arm.",
  },
  length: { term: "length", definition: "Mean number of tokens of a response." },
  kl: {
    term: "KL from own start",
    definition:
      "Mean of log policy − log start over the student's own responses, in nats per response: how far preference training moved it from the SFT model that it began with. Arms on other labels may have other starts.",
  },
  difference: {
    term: "paired difference",
    definition:
      'Mean over the same prompts of one arm minus the other. "Above" or "below" is said only where the interval excludes 0, and the corrected test agrees where there is one.',
  },
  margin: {
    term: "margin",
    definition:
      "Score of response a minus score of response b. For an implicit reward: beta times the difference of the log-ratios.",
  },
  confidence: {
    term: "confidence",
    definition: "Calibrated probability that the preferred response is the better one, from 50 % to 100 %.",
  },
  agreement: {
    term: "agreement",
    definition:
      "Share of the pairs labelled by both labellers on which they prefer the same response; ties and abstentions are counted apart.",
  },
  kappa: {
    term: "Cohen's kappa",
    definition:
      "Agreement beyond what the two labellers' own rates would give by chance: 0 is chance, 1 is full agreement.",
  },
  reliability: {
    term: "reliability",
    definition:
      "Rows grouped by stated confidence; a calibrated labeller is right as often as it says, so its points lie on the diagonal.",
  },
  ece: {
    term: "ECE",
    definition:
      "Expected calibration error: mean distance of accuracy from stated confidence over the bins, weighted by their rows.",
  },
  coverage: {
    term: "coverage",
    definition: "Share of rows kept when only the most confident labels are used.",
  },
  lengthBias: {
    term: "length bias",
    definition:
      "A labeller that prefers the longer response more often than the reference does may be reading length, not quality.",
  },
  tokens: {
    term: "token contributions",
    definition:
      "What each token adds to a response's score; tinted upwards (plain) or downwards (underlined), relative to the largest of the pair.",
  },
  paper: {
    term: "paper's numbers",
    definition:
      "Quoted from the publication named beside them: other models, data and scorers. They say what to look for; levels are not comparable with this run.",
  },
} as const satisfies Record<string, { term: string; definition: string }>;

/** Name of a glossary entry. */
export type GlossaryTerm = keyof typeof GLOSSARY;

/** Entries of some terms, once each, in the order of the glossary. */
export function glossaryOf(terms: Iterable<GlossaryTerm>): { term: string; text: string }[] {
  const wanted = new Set(terms);
  return Object.entries(GLOSSARY)
    .filter(([key]) => wanted.has(key as GlossaryTerm))
    .map(([, { term, definition }]) => ({ term, text: definition }));
}
