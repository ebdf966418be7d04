/** What names of columns and of message members tell where no shape reads them: harmless, or able to change what a row means. */

/** Columns that put something into the prompt in every shape (`context.ts`). */
export const CONTEXT_COLUMNS = {
  system: ["system", "system_prompt", "system_message"],
  history: ["history"],
  tools: ["tools"],
  kwargs: ["chat_template_kwargs"],
} as const;

/** Members of a message that chat templates read, beside role and content: handed to the template as they are. */
export const TEMPLATE_MEMBERS = [
  "name",
  "reasoning_content",
  "reasoning",
  "thinking",
  "tool_calls",
  "tool_call_id",
] as const;

/**
 * Columns that may hold the question or a part of it, what the model was told or could do, or what it saw. Texts, lists and objects in
 * them are used or refused, never passed over; a number or a truth value under such a name is no text of the conversation.
 */
const MEANING = new Set([
  ...Object.values(CONTEXT_COLUMNS).flat(),
  ..."prompt prompts question questions query queries instruction instructions input inputs user_input user_prompt".split(
    " ",
  ),
  ..."context contexts background passage passages document documents article post title body text task problem".split(
    " ",
  ),
  ..."conversation conversations full_conversation messages message dialogue dialog chat turns transcript".split(
    " ",
  ),
  ..."persona preamble prefix suffix prefill functions function_call chat_template images image audio audios".split(
    " ",
  ),
  ..."video videos file files attachments choices options human user".split(" "),
]);

/** Members of a message that change what is learnt or seen, and that nobody here reads. */
const MEANING_IN_MESSAGES = new Set([
  ...MEANING,
  ..."weight train training loss prefix refusal function_call tool_plan citations".split(" "),
]);

type Known = readonly [pattern: RegExp, why: string];

/** Harmless names, with the reason. Tried in this order, on names in lower case with `_` for spaces and dashes. */
const HARMLESS: readonly Known[] = [
  [/^(id|idx|index|uid|uuid|guid|key|hash|digest|md5|sha\d*|__index_level_0__|unnamed:_0)$/, "names the row"],
  [
    /^(row|pair|prompt|question|conversation|conv|example|sample|item|record|session|evaluation_session|dialogue|thread|post|comment|doc|document|task|user|worker|annotator|judge|c_root|problem)_?(id|ids|uid|uuid|hash|idx|index|key|number)(_[ab12])?$/,
    "names the row",
  ],
  [
    /(^|_)(sources?|dataset|dataset_name|origin|urls?|links?|license|licence|split|subset|category|categories|categor(y|ies)_tags?|topics?|tags?|domain|domains|language|lang|locale|country|difficulty|batch|version)$/,
    "says where the row is from or what it is about",
  ],
  [
    /(^|_)(time|times|timestamp|timestamps|tstamp|date|datetime|created|created_at|created_utc|updated_at|duration|seconds)(_[ab12])?$/,
    "says when",
  ],
  [
    /(^|_)(score|scores|rating|ratings|rank|ranks|ranking|reward|rewards|margin|margins|votes|upvotes|downvotes|likes|ups|downs|confidence|agreement|probability|logps?|perplexity)(_|$)/,
    "a number about the texts",
  ],
  [
    /(^|_)(model|models|model_name|generator|generators|generation_model|generation_models|annotator|annotators|labell?er|labell?ing_model|worker|workers|judge)(_[ab12])?$/,
    "says who wrote or judged",
  ],
  [
    /(^|_)(num|total|count|counts|length|lengths|len|tokens|n_tokens|size|metadata)(_|$)/,
    "counts or describes the texts",
  ],
  [/^is_\w+$/, "describes the texts"],
];

/** The name as it is compared. */
const plain = (name: string) => name.toLowerCase().replace(/[\s-]+/g, "_");

/** Why a column or member of this name changes nothing; undefined when that is not known. */
export function harmlessName(name: string): string | undefined {
  return HARMLESS.find(([pattern]) => pattern.test(plain(name)))?.[1];
}

/** True when a column of this name may change what a row means. */
export const mayChangeMeaning = (name: string): boolean => MEANING.has(plain(name));

/** Columns that say which of two responses is better, in the words that data sets use. */
const WHICH =
  /^(labels?|winner|preferences?|preferred|choice|better|better_\w+|verdict|votes?|judge?ments?|(human|overall)_(label|preference|choice)|(annotator|rater|annotation)_?\d+)$/;

/** True when a column of this name may say which response is better: a pair that has it is not one that nobody judged. */
export const saysWhich = (name: string): boolean => WHICH.test(plain(name));

/** True when a message's member of this name may change what is seen or learnt. */
export const memberMayChangeMeaning = (name: string): boolean => MEANING_IN_MESSAGES.has(plain(name));
