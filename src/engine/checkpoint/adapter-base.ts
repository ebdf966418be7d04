/**
 * Whether an adapter is put on the base that it was trained on. PEFT records a path or a hub name only, no digest: shapes that fit are no proof, since
 * every fine-tuned copy of a model has them.
 */
import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { CheckpointError, show } from "../../base/core/errors.ts";
import { exists } from "../../base/core/files.ts";
import type { Log } from "../../base/core/log.ts";
import { describeModel } from "../model/families/index.ts";
import { type Model, parameterShapes } from "../model/model.ts";
import { readTokenizerFiles } from "../text/tokenizer-files.ts";
import { folderNamed } from "./folder-named.ts";
import { openModelFolder } from "./model-folder.ts";

/**
 * Tells when `base_model_name_or_path` is another than the base at hand.
 * @param recorded - what the adapter says; empty says nothing
 * @throws CheckpointError when the recorded base is at hand too and is a model of another family or other sizes
 */
export async function checkRecordedBase(
  adapter: string,
  recorded: string,
  base: Model,
  log: Log,
): Promise<void> {
  if (recorded === "" || base.folder === "") return;
  const there = await folderNamed(recorded, adapter);
  const own = await realpath(base.folder).catch(() => resolve(base.folder));
  if (there === own || (there === undefined && sameName(recorded, base, own))) return;
  if (there !== undefined) await refuseOther(adapter, there, base);
  log.warn(
    `${adapter}: was trained on ${show(recorded)} (base_model_name_or_path) and is put on ${base.folder}. The sizes fit; whether the weights are those of that base ` +
      "is not known. On others its numbers mean nothing.",
  );
}

/** A hub name or a path of elsewhere: the folder is called so, lies in the hub's cache under it, or its config says so. */
function sameName(recorded: string, base: Model, own: string): boolean {
  const end = recorded.replace(/\/+$/, "");
  if (base.config["_name_or_path"] === recorded) return true;
  if (own.split("/").includes(`models--${end.replaceAll("/", "--")}`)) return true;
  const isHubName = /^[^/\\]+(\/[^/\\]+)?$/.test(end);
  if (isHubName) return basename(own).toLowerCase() === basename(end).toLowerCase();
  // Folders of runs are all called "model": the one around it counts, too.
  return basename(own) === basename(end) && basename(dirname(own)) === basename(dirname(end));
}

async function refuseOther(adapter: string, there: string, base: Model): Promise<void> {
  const recorded = await described(there);
  if (recorded === undefined) return;
  const { family, decoder } = recorded;
  const shapes = (of: ReadonlyMap<string, readonly unknown[]>) => JSON.stringify([...of].sort());
  if (
    family.modelType === base.family.modelType &&
    shapes(parameterShapes(decoder, "language-model")) ===
      shapes(parameterShapes(base.decoder, "language-model"))
  )
    return;
  const sizes = ({ layers, hiddenSize, vocabSize }: Model["decoder"]["config"]) =>
    `${layers} layers of ${hiddenSize}, ${vocabSize} tokens`;
  throw new CheckpointError(
    adapter,
    `was trained on ${there} (${family.modelType}, ${sizes(decoder.config)}), expected to be put on that, got ${base.folder} ` +
      `(${base.family.modelType}, ${sizes(base.decoder.config)}).`,
  );
}

/** The model in a folder, or undefined where there is none that is read here. */
async function described(path: string) {
  try {
    const folder = await openModelFolder(path);
    await folder.close();
    return describeModel(folder.config, `${path}/config.json`);
  } catch {
    return undefined;
  }
}

/** Tells when an adapter's folder has a tokenizer or a chat template that differs from the base's, which are the ones used. */
export async function tellOfOwnTokenizer(adapter: string, base: Model, log: Log): Promise<void> {
  if (base.folder === "" || !(await exists(join(adapter, "tokenizer.json")))) return;
  const [own, used] = await Promise.all([readTokenizerFiles(adapter), readTokenizerFiles(base.folder)]);
  const different = [
    ...(digestOf(own.tokenizer) === digestOf(used.tokenizer) ? [] : ["tokenizer.json"]),
    ...(own.chatTemplate === undefined || own.chatTemplate === used.chatTemplate ? [] : ["chat template"]),
  ];
  if (different.length > 0)
    log.warn(
      `${adapter}: its ${different.join(" and ")} ${different.length > 1 ? "differ" : "differs"} from the base's, which ${different.length > 1 ? "are" : "is"} used. ` +
        `If it was trained with its own, merge it into its base with PEFT and keep its tokenizer files beside the result.`,
    );
}
