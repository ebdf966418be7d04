/**
 * A config that ties the head to the embedding, beside a head that is stored all the same. Equal: a copy. Different: transformers 5 does not tie
 * them (`tie_weights` in modeling_utils.py, 5.24), and neither do we.
 */
import { CheckpointError } from "../../base/core/errors.ts";
import { createLog } from "../../base/core/log.ts";
import { describeModel, type ModelDescription } from "../model/families/index.ts";
import type { ModelFolder } from "./model-folder.ts";
import { storedNames } from "./stored-names.ts";

/** Folders that were told of: one line each. */
const told = new Set<string>();

/** What a folder holds, with its head as transformers takes it. @throws CheckpointError as `describeModel` */
export async function describeFolder(folder: ModelFolder): Promise<ModelDescription> {
  const file = `${folder.path}/config.json`;
  const described = describeModel(folder.config, file);
  if (!(await hasOwnHead(folder, described))) return described;
  if (!told.has(folder.path))
    createLog().warn(
      `${folder.path}: config.json says tie_word_embeddings, but the stored head differs from the embedding; the stored head is used, as transformers 5 does.`,
    );
  told.add(folder.path);
  const { text_config: text } = folder.config;
  const untied = { ...folder.config, tie_word_embeddings: false };
  return describeModel(
    typeof text === "object" && text !== null
      ? { ...untied, text_config: { ...text, tie_word_embeddings: false } }
      : untied,
    file,
  );
}

/** @throws CheckpointError when a model is to be made of one whose config contradicts its head */
export async function refuseOwnHead(folder: ModelFolder, described: ModelDescription): Promise<void> {
  if (await hasOwnHead(folder, described))
    throw new CheckpointError(
      folder.path,
      "config.json says tie_word_embeddings, but the stored head differs from the embedding. Set tie_word_embeddings to false there: the stored head is what transformers 5 uses.",
    );
}

async function hasOwnHead(
  folder: ModelFolder,
  { family, decoder, task }: ModelDescription,
): Promise<boolean> {
  if (!decoder.config.tied || task !== "language-model") return false;
  const stored = (name: string) => storedNames(name, family).find((one) => folder.names.includes(one));
  const [head, embedding] = [stored(decoder.headName), stored(decoder.embeddingName)];
  if (head === undefined || embedding === undefined) return false;
  const [a, b] = [await folder.read(head), await folder.read(embedding)];
  return a.length !== b.length || a.some((value, i) => value !== b[i]);
}
