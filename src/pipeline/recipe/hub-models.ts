/** Model folders of the Hugging Face hub, kept in the hub client's own cache. The client is loaded only when one is named. */
import { join } from "node:path";
import { AlignError, CheckpointError, ConfigError, messageOf } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { parseRevision } from "../../base/files/hub.ts";
import type { Recipe } from "./schema.ts";

/** `hub:Owner/name[@revision]`, slashes in the revision written `%2F`. */
const FORM = /^hub:([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([^/@]+))?$/;

/** What a model folder needs; never a pickle, never code. */
const WANTED =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json$|^merges\.txt$|^chat_template\.jinja$|^model([-.][\w.-]*)?\.safetensors(\.index\.json)?$/;

/** How the hub is reached; the client's own functions unless a test gives others. */
export type HubClient = Pick<typeof import("@huggingface/hub"), "listFiles" | "downloadFileToCacheDir">;

/**
 * The folder of a model: as it is, or downloaded when it is `hub:Owner/name[@revision]`.
 * @throws ConfigError for a name of another form; CheckpointError when the hub has no safetensors of it; AlignError "network"
 */
export async function fetchModel(source: string, log: Log = silentLog, client?: HubClient): Promise<string> {
  if (!source.startsWith("hub:")) return source;
  const match = FORM.exec(source);
  if (match === null) throw new ConfigError(`${source}: expected hub:Owner/name or hub:Owner/name@revision.`);
  const repo = { type: "model", name: match[1]! } as const;
  const revision = parseRevision(source, match[2]);
  const hub = client ?? (await import("@huggingface/hub"));
  try {
    const files: string[] = [];
    for await (const { type, path } of hub.listFiles({ repo, revision }))
      if (type === "file" && WANTED.test(path)) files.push(path);
    if (!files.some((path) => path.includes(".safetensors")))
      throw new CheckpointError(
        source,
        "has no safetensors at this revision, and pickled weights are never loaded. Name a revision that has them, or convert the model.",
      );
    let folder = "";
    for (const path of files.sort()) {
      log.info(`${source}: ${path}`);
      const file = await hub.downloadFileToCacheDir({ repo, revision, path });
      folder = join(file, "..");
    }
    return folder;
  } catch (error) {
    if (error instanceof AlignError) throw error;
    const advice = "Check the name and the network, or download the folder yourself and give its path.";
    throw new AlignError("network", `${source}: cannot be downloaded: ${messageOf(error)}. ${advice}`, {
      cause: error,
    });
  }
}

/** A recipe whose models lie on this machine. @throws as `fetchModel` */
export async function withLocalModels(recipe: Recipe, log?: Log, client?: HubClient): Promise<Recipe> {
  const { weak, student } = recipe.models;
  const local = async <M extends { source: string }>(model: M) => ({
    ...model,
    source: await fetchModel(model.source, log, client),
  });
  const models = { weak: weak && (await local(weak)), student: await local(student) };
  const evaluators = async <E extends object>(list: readonly E[]) =>
    Promise.all(
      list.map(async (one) =>
        hasLocalModel(one) ? { ...one, model: await fetchModel(one.model, log, client) } : one,
      ),
    );
  const { gold, judges } = recipe.eval;
  const evaluation = { ...recipe.eval, gold: await evaluators(gold), judges: await evaluators(judges) };
  const fetched = { ...recipe, models, eval: evaluation };
  const { teacher } = recipe;
  if (teacher.kind !== "ensemble" || typeof teacher.members === "number") return fetched;
  const members = await Promise.all(
    teacher.members.map(async (member) =>
      member.weak === undefined ? member : { ...member, weak: await local(member.weak) },
    ),
  );
  return { ...fetched, teacher: { ...teacher, members } };
}

/** True for evaluators that are model folders: an endpoint's model is a name only the endpoint knows. */
function hasLocalModel(evaluator: object): evaluator is { model: string } {
  const { type, model } = evaluator as { type?: string; model?: unknown };
  return typeof model === "string" && type !== "chat";
}

/** Everything of a recipe that would be downloaded. */
export function hubModels({ models, eval: { gold, judges } }: Recipe): string[] {
  const sources = Object.values(models).map((model) => model?.source);
  const evaluators = [...gold, ...judges].map((one) => (hasLocalModel(one) ? one.model : undefined));
  return [...sources, ...evaluators].filter((source) => source?.startsWith("hub:")) as string[];
}
