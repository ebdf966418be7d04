/** Judges named on the command line, as cells of a study have them: a model that judges here, or an endpoint. */
import { parse as parseYaml } from "yaml";
import { ConfigError, messageOf } from "../../base/core/errors.ts";

/** What a judge is called, and the settings that make it the teacher. */
export type NamedJudge = { readonly name: string; readonly settings: Readonly<Record<string, unknown>> };

/**
 * Judges by their texts: a mapping is a teacher of kind judge-local or judge-chat as recipes have it, with `model` also for judge-local; any other text is
 * the source of a model that judges with the default question.
 * @throws ConfigError for a mapping of another kind, and for two of one name
 */
export function judgesNamed(texts: readonly string[]): readonly NamedJudge[] {
  const judges = texts.map(judgeNamed);
  const twice = judges.find(({ name }, i) => judges.findIndex((other) => other.name === name) < i);
  if (twice !== undefined)
    throw new ConfigError(`--judge: two are called ${twice.name}. Name each judge once, by another folder.`);
  return judges;
}

/** @throws ConfigError for judges that none of the studies has a cell for */
export function checkJudges(
  judges: readonly string[],
  placed: readonly { readonly study: { readonly judges?: true } }[],
): void {
  if (judges.length > 0 && !placed.some(({ study }) => study.judges))
    throw new ConfigError(
      "--judge: has no effect on these studies, expected one that compares judges (baselines). Leave it out.",
    );
}

function judgeNamed(text: string): NamedJudge {
  const given = text.trimStart().startsWith("{") ? mappingOf(text) : { kind: "judge-local", model: text };
  const { kind, model, ...rest } = given;
  if ((kind !== "judge-local" && kind !== "judge-chat") || typeof model !== "string")
    throw new ConfigError(
      `--judge ${text}: expected the folder of a model, {kind: judge-local, model: …} or {kind: judge-chat, url: …, model: …}, got kind ${JSON.stringify(kind) ?? "none"} and model ${JSON.stringify(model) ?? "none"}.`,
    );
  const name = model.replace(/\/+$/, "").split("/").at(-1)!;
  const chat = kind === "judge-chat";
  return {
    name,
    settings: {
      // A judge learns from no labelled pair: all of them are there to calibrate it.
      ...{ "label.held_out": null, "label.calibration_folds": 0 },
      teacher: { kind, ...(chat ? { model } : {}), ...rest },
      // Without the layers and the vocabulary that the base's teacher is cut to: settings of one section are laid over each other, so the empty one goes first.
      "models.weak": null,
      ...(chat ? {} : { "models.weak.source": model }),
    },
  };
}

function mappingOf(text: string): Record<string, unknown> {
  try {
    return parseYaml(text) as Record<string, unknown>;
  } catch (cause) {
    throw new ConfigError(`--judge ${text}: is no YAML: ${messageOf(cause)}.`, { cause });
  }
}
