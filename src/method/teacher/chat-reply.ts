/** What a chat endpoint answered: text, why it ended, what it cost, and how likely the tokens of a verdict were. */
import { z } from "zod";

/** Tokens that may stand at one place of a reply, with their log-probabilities in nats. */
const alternatives = z.strictObject({
  /** Where the place's own token begins in the text, UTF-16 units. */
  at: z.number().int().min(0),
  token: z.string(),
  top: z.array(z.tuple([z.string(), z.number()])),
});

/** A reply as it is kept on disk; replies kept by 0.1 have text and model alone. */
export const chatReplySchema = z.strictObject({
  text: z.string(),
  /** The model as the endpoint named it. */
  model: z.string(),
  /** Why there is no whole reply: the budget ended inside the thinking, or inside the answer. */
  cut: z.enum(["thinking", "answer"]).optional(),
  /** Tokens of the question and of the reply, as the endpoint counts them. */
  usage: z.tuple([z.number(), z.number()]).optional(),
  /** Places whose token may be a verdict, and the first of a reply without thinking, where log-probabilities were asked for and given. */
  places: z.array(alternatives).optional(),
});

/** A reply. */
export type ChatReply = z.output<typeof chatReplySchema>;

/** A place of a reply with the tokens that could have stood there. */
export type Alternatives = z.output<typeof alternatives>;

const number = z.number().catch(0);
const endpointReply = z.object({
  model: z.string().optional().catch(undefined),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish().catch(null),
        message: z.object({
          content: z.string().nullish(),
          reasoning_content: z.string().nullish().catch(null),
          reasoning: z.string().nullish().catch(null),
          refusal: z.string().nullish().catch(null),
        }),
        logprobs: z
          .object({
            content: z.array(
              z.object({
                token: z.string(),
                top_logprobs: z.array(z.object({ token: z.string(), logprob: z.number() })),
              }),
            ),
          })
          .nullish()
          .catch(null),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: number, completion_tokens: number }).nullish().catch(null),
});

type EndpointReply = z.output<typeof endpointReply>;

/**
 * A reply out of an endpoint's JSON; undefined when it is no chat completion.
 * @param asked - the model's name in the request, for endpoints that do not name theirs
 */
export function readChatReply(value: unknown, asked: string): ChatReply | undefined {
  const parsed = endpointReply.safeParse(value);
  if (!parsed.success) return undefined;
  const [choice] = parsed.data.choices;
  const { message } = choice!;
  // An empty content beside a refusal or a thought is a reply; without either it is another form of answer.
  const said = message.content ?? message.refusal ?? (thought(choice!) === "" ? undefined : "");
  if (said === undefined) return undefined;
  const cut = cutOf(choice!, said);
  const { usage } = parsed.data;
  const places = placesOf(choice!, said);
  return {
    text: said,
    model: parsed.data.model ?? asked,
    ...{ cut, places },
    usage: usage ? [usage.prompt_tokens, usage.completion_tokens] : undefined,
  };
}

type Choice = EndpointReply["choices"][number];

const thought = ({ message }: Choice) => message.reasoning_content ?? message.reasoning ?? "";

/** Ended by its budget: inside the thinking when the answer has not begun. */
function cutOf(choice: Choice, text: string): ChatReply["cut"] {
  if (choice.finish_reason !== "length") return undefined;
  const open = /<think>/.test(text) && !/<\/think>/.test(text);
  return open || (text.trim() === "" && thought(choice) !== "") ? "thinking" : "answer";
}

/** Tokens that may be a verdict: a digit, a letter, a word such as "tie", with marks around it. */
const VERDICT_LIKE = /^[^\p{L}\p{N}]*(?:\p{N}|[A-Ca-c]|tie)[^\p{L}\p{N}]*$/u;

function placesOf(choice: Choice, text: string): Alternatives[] | undefined {
  const { logprobs } = choice;
  if (!logprobs) return undefined;
  const thoughtless = thought(choice) === "";
  const places: Alternatives[] = [];
  let at = 0;
  for (const { token, top_logprobs: top } of logprobs.content) {
    // The thinking's tokens may be among them: places are those of the text, found in order.
    const found = text.indexOf(token, at);
    if (found !== at && !(at === 0 && found >= 0)) continue;
    const opening = thoughtless && at === 0 && found === 0;
    if (opening || (VERDICT_LIKE.test(token) && token.length <= 8))
      places.push({ at: found, token, top: top.map(({ token: one, logprob }) => [one, logprob]) });
    at = found + token.length;
  }
  return places;
}
