/** What a model folder is: one digest of all that its numbers and its texts depend on. */
import { join } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { exists } from "../../base/core/files.ts";
import { keptWhileSame } from "../../base/core/kept-while-same.ts";
import { modelPath } from "../../base/core/model-path.ts";
import { openTokenizer } from "../text/tokenizer.ts";
import { openModelFolder } from "./model-folder.ts";

/** Weights are digested once for as long as they look the same: a study asks what its models are in every variant. */
const kept = keptWhileSame<string>(8, () => true);

/**
 * SHA-256 of config and weights, which do not say what their tokens mean, of the tokenizer, of the chat template with the special tokens
 * that it may name, and of all ids that end a text. Wherever a result is kept under what it was made from, a model is this.
 * @throws CheckpointError when the folder is no model, or has no tokenizer
 */
export async function modelIdentity(path: string): Promise<string> {
  const folder = await modelPath(path);
  // An adapter's base lies in another folder, whose files are not looked at.
  const alone = !(await exists(join(folder, "adapter_config.json")));
  return alone ? kept(folder, () => identityOf(path)) : identityOf(path);
}

async function identityOf(path: string): Promise<string> {
  const folder = await openModelFolder(path);
  try {
    const { tokenizer, specialTokens: special } = await openTokenizer(path);
    const { digest, chatTemplate, eosIds } = tokenizer;
    return digestOf({
      model: await folder.digest(),
      tokenizer: digest,
      template: chatTemplate?.digest ?? null,
      special,
      eosIds: [...eosIds].sort((a, b) => a - b),
    });
  } finally {
    await folder.close();
  }
}
