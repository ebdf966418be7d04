/** A post-processor of `tokenizer.json` that puts one token before a text. */

/** Puts the token before a text, and before the second text of a pair. */
export function firstTokenTemplate({ id, content }: { readonly id: number; readonly content: string }) {
  const text = (name: string, type: number) => ({ Sequence: { id: name, type_id: type } });
  const first = (type: number) => ({ SpecialToken: { id: content, type_id: type } });
  return {
    type: "TemplateProcessing",
    single: [first(0), text("A", 0)],
    pair: [first(0), text("A", 0), first(1), text("B", 1)],
    special_tokens: { [content]: { id: content, ids: [id], tokens: [content] } },
  };
}
