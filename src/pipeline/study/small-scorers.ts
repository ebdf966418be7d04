/** Two simple scorers of stories beside the sentiment score, for the study of other scorers at the small scale. */

const CHEERFUL = new Set(
  "happy smile smiled laughed love loved fun play played friend friends nice good great proud thank hug hugged joy excited beautiful kind pretty best".split(
    " ",
  ),
);
const GLOOMY = new Set(
  "sad cry cried scared afraid angry hurt lost dark bad mean alone broke broken sorry fell lonely mad worried tired cold".split(
    " ",
  ),
);

const wordsOf = (text: string) => text.toLowerCase().match(/[a-z']+/g) ?? [];

function balance(words: readonly string[]): number {
  const score = (word: string) => (CHEERFUL.has(word) ? 1 : GLOOMY.has(word) ? -1 : 0);
  return words.length === 0 ? 0 : words.reduce((total, word) => total + score(word), 0) / words.length;
}

/** Scorers of a response by name: cheerful minus gloomy words per word, of all of it, and of its second half. */
export const SMALL_SCORERS: Readonly<Record<string, (response: string) => number>> = {
  "word balance": (response) => balance(wordsOf(response)),
  "word balance of the second half": (response) => {
    const words = wordsOf(response);
    return balance(words.slice(Math.floor(words.length / 2)));
  },
};
