/**
 * What a chat template is given beside the messages: tools and keyword arguments, as transformers' `apply_chat_template` takes them. They
 * belong to the prompt (another set of tools is another question), so its first message carries them wherever prompts go.
 */

/** A message, whatever its members. */
type Message = { readonly [member: string]: unknown };

/** `tools` as JSON schemas; `chat_template_kwargs` by name. */
export type TemplateInputs = {
  readonly tools?: readonly unknown[] | undefined;
  readonly chat_template_kwargs?: Readonly<Record<string, unknown>> | undefined;
};

/** The member of a prompt's first message that carries them. No template sees it. */
export const TEMPLATE_INPUTS = "template_inputs";

/** The messages with inputs for the template; without any they stay as they are. `messages` is not empty. */
export function withTemplateInputs<M extends Message>(messages: readonly M[], inputs: TemplateInputs): M[] {
  const [first, ...rest] = messages;
  const given = Object.entries(inputs).filter(([, input]) => input !== undefined);
  return given.length === 0 || first === undefined
    ? [...messages]
    : [{ ...first, [TEMPLATE_INPUTS]: Object.fromEntries(given) }, ...rest];
}

/** Parts the messages from the inputs that they carry. */
export function splitTemplateInputs<M extends Message>(
  messages: readonly M[],
): { messages: M[]; inputs: TemplateInputs } {
  const [first, ...rest] = messages;
  if (first?.[TEMPLATE_INPUTS] === undefined) return { messages: [...messages], inputs: {} };
  const { [TEMPLATE_INPUTS]: inputs, ...bare } = first;
  return { messages: [bare as unknown as M, ...rest], inputs: inputs as TemplateInputs };
}
