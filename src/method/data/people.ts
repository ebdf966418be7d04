/** What several people said of one pair, and what they said together. */

/** Which of two responses a person preferred, in the order of the data. */
export type Answer = "first" | "second" | "tie";

/** Answers by the person's name (the column they stand in); who did not answer is not there. */
export type Answers<A extends string = Answer> = Readonly<Record<string, A>>;

/** What more than half of those who answered said; undefined where no answer has a majority. Nothing is chosen for them. */
export function majorityOf<A extends string>(answers: Answers<A>): A | undefined {
  const given = Object.values(answers);
  return given.find((one) => 2 * given.filter((other) => other === one).length > given.length);
}
