/** What a model folder is: one digest of all that its numbers and its texts depend on. */
import { digestOf } from "../../base/core/digest.ts";
import { buildTokenizer } from "../text/tokenizer.ts";
import { readTokenizerFiles } from "../text/tokenizer-files.ts";
import { openModelFolder } from "./model-folder.ts";

/**
 * SHA-256 of config and weights, which do not say what their tokens mean, of the tokenizer, of the chat template with the special tokens
 * that it may name, and of all ids that end a text. Wherever a result is kept under what it was made from, a model is this.
 * @throws CheckpointError when the folder is no model, or has no tokenizer
 */
export async function modelIdentity(path: string): Promise<string> {
  const folder = await openModelFolder(path);
  try {
    const files = await readTokenizerFiles(path);
    const { digest: tokenizer, chatTemplate, eosIds } = buildTokenizer(path, files);
    const template = chatTemplate?.digest ?? null;
    return digestOf({
      model: await folder.digest(),
      tokenizer,
      template,
      special: files.specialTokens,
      eosIds: [...eosIds].sort((a, b) => a - b),
    });
  } finally {
    await folder.close();
  }
}
