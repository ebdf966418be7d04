/** What a server lists of its models: whether the one that is asked for is there, with how much room. */
import { ConfigError } from "../../../base/core/errors.ts";

/** One entry of `/v1/models`. `digest` is this project's own server's. */
export type ListedModel = {
  readonly id?: unknown;
  readonly max_model_len?: unknown;
  readonly digest?: unknown;
};

/** The list in a reply of `/v1/models`; undefined when it is none. */
export function listedModels(value: unknown): ListedModel[] | undefined {
  const { data } = (value ?? {}) as { data?: unknown };
  return Array.isArray(data) ? (data as ListedModel[]) : undefined;
}

/**
 * The entry of a model that shall take texts of `need.length` tokens.
 * @param need.spare - tokens of its room that the server wants for itself
 * @throws ConfigError when the server lists other models, or one with less room
 */
export function findListed(
  who: string,
  url: string,
  list: readonly ListedModel[],
  need: { readonly model: string; readonly length: number; readonly spare?: number },
): ListedModel {
  const found = list.find(({ id }) => id === need.model);
  if (found === undefined)
    throw new ConfigError(
      `${who}: ${url} does not serve ${need.model}, expected one of ${list.map(({ id }) => String(id)).join(", ")}.`,
    );
  const most = Number(found.max_model_len ?? Number.POSITIVE_INFINITY) - (need.spare ?? 0);
  if (need.length > most)
    throw new ConfigError(
      `${who}: ${need.model} has room for ${most} tokens, expected at least max_length ${need.length}. Lower it, or serve with a larger --max-model-len.`,
    );
  return found;
}
