/**
 * From whom people and a teacher agree with to what each knows, where nobody has the truth. Two answers per pair, and:
 *
 *   people-people   a = q² + (1 - q)²            2a - 1 = (2q - 1)²
 *   teacher-people  c = t q + (1 - t)(1 - q)     2c - 1 = (2t - 1)(2q - 1)
 *
 * q and t are the shares on which one person, and the teacher, side with the truth ("gold"); errors are independent given the truth and as
 * likely on every pair (Dawid & Skene 1979, with one accuracy for all people). Where they are not:
 *
 * - Some pairs are harder, for people and teacher alike: 2q - 1 and 2t - 1 both come out too large, by one factor, √E[h²] / E[h] for a
 *   pair's clarity h. Their ratio, and so who of the two is better, does not.
 * - People share a mistake (they like length): q comes out too large, and t too small. The teacher shares it, too: t comes out too large.
 * - People differ in how good they are: 2q - 1 is the geometric mean of theirs.
 */

/** What agreements say of people and teacher; shares in [0, 1]. */
export type Knowledge = {
  /** One person sides with gold. */
  readonly peopleGold: number;
  /** The teacher sides with gold. */
  readonly teacherGold: number;
  /** Gold sides with the teacher where teacher and person differ. */
  readonly goldWithTeacher: number;
  /** People-gold minus teacher-gold: what weak labels give away beside one person's. */
  readonly gap: number;
  /** People's labels that one label of the teacher is worth (`labelWorth`), at least 0. */
  readonly worth: number;
};

/** Shares of pairs with the same answer: two people's, and the teacher's with a person's. */
export type Agreements = { readonly people: number; readonly teacher: number };

/** Accuracy of one person from the agreement of two; null where they agree on half or less, as people who guess do. */
export const peopleGoldOf = (people: number): number | null =>
  people > 0.5 ? (1 + Math.sqrt(2 * people - 1)) / 2 : null;

/**
 * What the model says; null where people agree on half or less. A teacher that agrees with people more than gold would, or less
 * than its opposite, is taken to be gold, or its opposite: the model does not hold there.
 */
export function knowledgeOf({ people, teacher }: Agreements): Knowledge | null {
  const peopleGold = peopleGoldOf(people);
  if (peopleGold === null) return null;
  const teacherGold = clamp((1 + (2 * teacher - 1) / (2 * peopleGold - 1)) / 2);
  const differ = teacherGold * (1 - peopleGold) + (1 - teacherGold) * peopleGold;
  return {
    peopleGold,
    teacherGold,
    goldWithTeacher: differ === 0 ? 0.5 : (teacherGold * (1 - peopleGold)) / differ,
    gap: peopleGold - teacherGold,
    worth: labelWorth(peopleGold, teacherGold),
  };
}

/**
 * Labels of somebody right on the share `one` that a label of somebody right on `other` is worth: ((2 other - 1) / (2 one - 1))². Of n labels that are
 * right on q of the pairs, errors independent, what a learner loses falls as 1 / ((2q - 1) √n) (Natarajan et al. 2013 for classification,
 * Chowdhury et al. 2024 for DPO): n and n' lose alike where n (2q - 1)² = n' (2q' - 1)². Labels right on half or less are worth 0.
 */
export const labelWorth = (one: number, other: number): number =>
  (Math.max(0, 2 * other - 1) / (2 * one - 1)) ** 2;

/** True where the teacher agrees with people more than gold itself would: then their errors are not independent. */
export function breaksModel({ people, teacher }: Agreements): boolean {
  const peopleGold = peopleGoldOf(people);
  return peopleGold !== null && Math.abs(2 * teacher - 1) > 2 * peopleGold - 1;
}

/**
 * Least and most of teacher-gold, whatever depends on what: with x = P(teacher, person and gold agree), which can be as little as
 * max(0, c + q - 1) and as much as min(c, q), teacher-gold is 2x + 1 - q - c.
 */
export function teacherGoldBounds(peopleGold: number, teacher: number): readonly [low: number, high: number] {
  const rest = 1 - peopleGold - teacher;
  return [clamp(2 * Math.max(0, -rest) + rest), clamp(2 * Math.min(teacher, peopleGold) + rest)];
}

const clamp = (share: number): number => Math.min(1, Math.max(0, share));
