/** What a message says: reasoning and calls beside its content. Whoever looks at texts alone must not take a call for silence. */

type Message = { readonly content: string; readonly [member: string]: unknown };

/** Members that hold what was thought before the answer, under the names of several models. */
const REASONING = ["reasoning_content", "reasoning", "thinking"] as const;

/** Reasoning, content and calls (as JSON), in this order; the content alone for a plain message. */
export function saidIn(message: Message): string[] {
  const thought = REASONING.map((name) => message[name]).filter((text) => typeof text === "string");
  const calls = message.tool_calls === undefined ? [] : [JSON.stringify(message.tool_calls)];
  return [...thought, message.content, ...calls];
}
