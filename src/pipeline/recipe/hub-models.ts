/** Model folders of the Hugging Face hub, kept in the cache of Python's client. */
import { join } from "node:path";
import { AlignError, CheckpointError, ConfigError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { parseRevision } from "../../base/files/hub.ts";
import { fetchFromHub, listHub, repoFolder } from "../../base/files/hub-cache.ts";
import type { HubRepo } from "../../base/files/hub-request.ts";
import { type HubSettings, hubSettings } from "../../base/files/hub-settings.ts";
import type { Recipe } from "./schema.ts";

/** `hub:Owner/name[@revision]`, slashes in the revision written `%2F`. */
const FORM = /^hub:([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([^/@]+))?$/;

/** What a model folder needs; never a pickle, never code. */
export const MODEL_FILES =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json$|^merges\.txt$|^chat_template\.jinja$|^model([-.][\w.-]*)?\.safetensors(\.index\.json)?$/;

/**
 * The folder of a model: as it is, or downloaded when it is `hub:Owner/name[@revision]`. All files are of one commit, the one that the revision
 * is when it is asked; a full commit hash that is in the cache whole needs no network.
 * @throws ConfigError for a name of another form; CheckpointError when the hub has no such model, or no safetensors of it; AlignError "network"
 */
export async function fetchModel(source: string, log: Log = silentLog, given?: HubSettings): Promise<string> {
  if (!source.startsWith("hub:")) return source;
  const match = FORM.exec(source);
  if (match === null) throw new ConfigError(`${source}: expected hub:Owner/name or hub:Owner/name@revision.`);
  const repo: HubRepo = { type: "model", name: match[1]!, revision: parseRevision(source, match[2]) };
  const settings = given ?? (await hubSettings());
  try {
    return await fetchFolder(settings, source, repo, log);
  } catch (error) {
    if (!(error instanceof AlignError && error.code === "hub")) throw error;
    throw new CheckpointError(source, `the hub does not give this model: ${error.message}`, { cause: error });
  }
}

async function fetchFolder(settings: HubSettings, source: string, repo: HubRepo, log: Log): Promise<string> {
  const { commit, files } = await listHub(settings, repo, log);
  const wanted = files.filter((path) => MODEL_FILES.test(path)).sort();
  if (!wanted.some((path) => path.includes(".safetensors")))
    throw new CheckpointError(
      source,
      "has no safetensors at this revision, and pickled weights are never loaded. Name a revision that has them, or convert the model.",
    );
  for (const path of wanted) await fetchFromHub(settings, { ...repo, revision: commit }, path, log);
  return join(repoFolder(settings, repo), "snapshots", commit);
}

/** A recipe whose models lie on this machine. @throws as `fetchModel` */
export async function withLocalModels(recipe: Recipe, log?: Log, settings?: HubSettings): Promise<Recipe> {
  const { weak, student } = recipe.models;
  const local = async <M extends { source: string }>(model: M) => ({
    ...model,
    source: await fetchModel(model.source, log, settings),
  });
  const models = { weak: weak && (await local(weak)), student: await local(student) };
  const evaluators = async <E extends object>(list: readonly E[]) =>
    Promise.all(
      list.map(async (one) =>
        hasLocalModel(one) ? { ...one, model: await fetchModel(one.model, log, settings) } : one,
      ),
    );
  const { gold, judges } = recipe.eval;
  const evaluation = { ...recipe.eval, gold: await evaluators(gold), judges: await evaluators(judges) };
  const fetched = { ...recipe, models, eval: evaluation };
  const { teacher } = recipe;
  if (teacher.kind === "cascade") {
    const step = async <S extends typeof teacher.first>(one: S) =>
      one.weak === undefined ? one : { ...one, weak: await local(one.weak) };
    return {
      ...fetched,
      teacher: { ...teacher, first: await step(teacher.first), second: await step(teacher.second) },
    };
  }
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
  return typeof model === "string" && type !== "chat" && type !== "reward-server";
}

/** Models that members of an ensemble and teachers of a cascade bring. */
function ownModels(teacher: Recipe["teacher"]) {
  if (teacher.kind === "cascade") return [teacher.first.weak, teacher.second.weak];
  return teacher.kind === "ensemble" && typeof teacher.members !== "number"
    ? teacher.members.map(({ weak }) => weak)
    : [];
}

/** Everything of a recipe that would be downloaded. */
export function hubModels({ models, teacher, eval: { gold, judges } }: Recipe): string[] {
  const sources = [...Object.values(models), ...ownModels(teacher)].map((model) => model?.source);
  const evaluators = [...gold, ...judges].map((one) => (hasLocalModel(one) ? one.model : undefined));
  return [...sources, ...evaluators].filter((source) => source?.startsWith("hub:")) as string[];
}
