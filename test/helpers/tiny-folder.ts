/** Tiny Llama folders that differ in weights, tokenizer and template, for tests of what may be scored with what. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTinyModel } from "./tiny-model.ts";

/** What differs between two of them. */
export type TinyFolder = {
  readonly seed: number;
  readonly task?: "language-model" | "reward";
  /** One more merge of two byte tokens makes another tokenizer. */
  readonly merge?: string;
  /** A multiple of 8, default 16. */
  readonly hidden?: number;
  readonly chatTemplate?: string;
};

/** Writes a model of 512 positions into `parent` and gives its path. */
export async function writeTinyFolder(parent: string, name: string, options: TinyFolder): Promise<string> {
  const { seed, task = "language-model", merge, chatTemplate, hidden = 16 } = options;
  const path = join(parent, name);
  await writeTinyModel(path, { family: "llama", seed, task, hidden, positions: 512, vocab: 264 });
  if (merge !== undefined)
    await edit(join(path, "tokenizer.json"), ({ model, ...rest }) => {
      const { vocab, merges, ...bpe } = model as { vocab: object; merges: string[] };
      const token = { [merge.replace(" ", "")]: 260 };
      return { ...rest, model: { ...bpe, vocab: { ...vocab, ...token }, merges: [...merges, merge] } };
    });
  if (chatTemplate !== undefined)
    await edit(join(path, "tokenizer_config.json"), (config) => ({ ...config, chat_template: chatTemplate }));
  return path;
}

async function edit(file: string, change: (json: Record<string, unknown>) => object): Promise<void> {
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, "utf8")))));
}
