/** OpenAI's TL;DR comparisons: a Reddit post and two summaries (Stiennon et al. 2020, https://arxiv.org/abs/2009.01325). */
import { isRecord } from "../../../base/files/record.ts";
import { type Adapter, RowProblem } from "./adapter.ts";
import { binaryAt, columnAt, hasColumns, textAt } from "./columns.ts";

/**
 * `{info: {post, title, subreddit}, summaries: [{text}, {text}], choice}`. The prompt is the format the paper trained on
 * (`SUBREDDIT: r/…\n\nTITLE: …\n\nPOST: …\n\nTL;DR:`); the CNN/DailyMail part has `info.article` and is prompted the same way.
 */
export const tldrComparisons: Adapter = {
  name: "tldr",
  shape: "info{post, title, subreddit}, summaries[2]{text}, choice",
  matches: ({ value }) =>
    hasColumns(value, "info", "summaries", "choice")
      ? "columns info, summaries, choice (OpenAI TL;DR comparisons)"
      : undefined,
  uses: ({ info }) => ({
    ...(isRecord(info) && typeof info.article === "string"
      ? { "info.article": "prompt" }
      : { "info.subreddit": "prompt", "info.title": "prompt", "info.post": "prompt" }),
    "summaries.text": "responses",
    choice: "which is preferred",
  }),
  parse: (value) => {
    const summaries = columnAt(value, "summaries");
    const [first, second] = Array.isArray(summaries) && summaries.length === 2 ? summaries : [];
    if (!isRecord(first) || !isRecord(second))
      throw new RowProblem("summaries", "is not a list of two summaries", "Give [{text}, {text}].");
    return {
      prompt: postPrompt(value),
      first: textAt(first, "text"),
      second: textAt(second, "text"),
      preferred: binaryAt(value, "choice") === 0 ? "first" : "second",
    };
  },
};

function postPrompt(value: Readonly<Record<string, unknown>>): string {
  const info = columnAt(value, "info");
  if (!isRecord(info)) throw new RowProblem("info", "is not an object", "Give {post, title, subreddit}.");
  if (typeof info.article === "string") return `Article: ${textAt(info, "article")}\n\nTL;DR:`;
  const [subreddit, title, post] = [textAt(info, "subreddit"), textAt(info, "title"), textAt(info, "post")];
  return `SUBREDDIT: r/${subreddit}\n\nTITLE: ${title}\n\nPOST: ${post}\n\nTL;DR:`;
}
