/** From flags to who labels. */
import { ConfigError } from "../../base/core/errors.ts";
import type { Source } from "../../method/data/source.ts";
import type { TeacherChoice } from "../../method/teacher/choice.ts";
import type { HumanChoice, Scores } from "../../method/teacher/controls.ts";
import type { HumanNoise } from "../../method/teacher/given-teachers.ts";
import { rewardSettingProblems } from "../../method/teacher/remote/served-gives.ts";
import { sourceOf } from "./data-options.ts";
import { checkFlags, type TeacherOptions } from "./teacher-flags.ts";

/** Maps that a control reads when it opens; the verb knows how its pairs are read. */
export type ControlMaps = {
  readonly gold: (files: readonly string[]) => Promise<ReadonlyMap<string, Scores>>;
  readonly human: (file: Source) => Promise<ReadonlyMap<string, HumanChoice>>;
};

/**
 * The teacher that the flags name.
 * @throws ConfigError for flags that are missing or have no effect on it, all of them at once
 */
export async function teacherOf(
  options: TeacherOptions,
  seed: number,
  maps: ControlMaps,
): Promise<TeacherChoice> {
  checkFlags(options);
  const { teacher: kind, model = "", reference = "", beta = 0.1, url = "", apiKeyEnv } = options;
  const prompt = () => (options.judgePrompt === undefined ? undefined : readQuestion(options.judgePrompt));
  switch (kind) {
    case "implicit-reward":
      return { kind, model, reference, beta };
    case "likelihood":
    case "reward-head":
      return { kind, model };
    case "judge-local":
      return { kind, model, prompt: await prompt() };
    case "judge-chat":
      return {
        kind,
        url,
        model,
        apiKeyEnv,
        prompt: await prompt(),
        ...(await chatOf(options)),
      };
    case "remote": {
      const { server, tokenizer = "", gives } = options;
      const problems = gives === "rewards" ? rewardSettingProblems(options, (name) => `--${name}`) : [];
      if (problems.length > 0) throw new ConfigError(problems);
      if (options.beta !== undefined && options.reference === undefined)
        throw new ConfigError("--beta: has no effect without --reference. Leave it out.");
      const ratio = options.reference === undefined ? {} : { reference, beta };
      return { kind, url, server, model, gives, tokenizer, apiKeyEnv, ...ratio };
    }
    case "random":
      return { kind, seed };
    case "longer":
      return { kind };
    case "gold":
      return { kind, rewards: () => maps.gold(options.gold!) };
    case "noisy-human":
      return { kind, seed, noise: noiseOf(options), choices: () => maps.human(sourceOf(options.human!)) };
    default:
      return kind satisfies never;
  }
}

/** Settings of a chat judge, by their names inside. @throws ConfigError for a member of the body that is decided elsewhere */
async function chatOf(options: TeacherOptions) {
  const { chatSettings } = await import("../../method/teacher/chat-settings.ts");
  const body = chatSettings.body.safeParse(options.judgeBody);
  if (!body.success)
    throw new ConfigError(
      body.error.issues.map(({ path, message }) => `--judge-body: ${path.join(".")} ${message}.`),
    );
  return {
    maxTokens: options.judgeMaxTokens,
    temperature: options.judgeTemperature,
    body: options.judgeBody,
    verdict: options.judgeVerdict,
    votes: options.judgeVotes,
    samples: options.judgeSamples,
    ties: options.judgeTies,
    concurrency: options.judgeConcurrency,
    timeoutMs: options.judgeTimeout && Math.ceil(1000 * options.judgeTimeout),
    prices: options.judgePrices && { input: options.judgePrices[0], output: options.judgePrices[1] },
  };
}

function noiseOf({ noise, rate = [] }: TeacherOptions): HumanNoise {
  if (noise === "annotator") return { kind: noise, rates: [...rate] };
  return { kind: noise!, rate: rate[0]! };
}

/** A question by its name, or out of a file. */
async function readQuestion(given: string): Promise<string> {
  const { judgePrompt } = await import("../../method/teacher/judge.ts");
  const { JUDGE_PROMPTS } = await import("../../method/teacher/judge-prompts.ts");
  if (Object.hasOwn(JUDGE_PROMPTS, given)) return JUDGE_PROMPTS[given]!;
  const { readText } = await import("../../base/core/files.ts");
  return judgePrompt((await readText(given, 2 ** 20)).trimEnd()).text;
}
