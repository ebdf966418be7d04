/** Flags that say who labels. */
import { type Command, Option } from "commander";
import { ConfigError } from "../../base/core/errors.ts";
import type { Source } from "../../method/data/source.ts";
import type { HumanNoise, TeacherChoice } from "../../method/teacher/choice.ts";
import type { HumanChoice, Scores } from "../../method/teacher/controls.ts";
import { SERVER_KINDS, type ServerKind } from "../../method/teacher/remote/protocol.ts";
import { sourceOf } from "./data-options.ts";
import { collect, positiveNumber, rates, requestBody, temperature, wholeNumber } from "./options.ts";

const KINDS = [
  "implicit-reward",
  "likelihood",
  "reward-head",
  "judge-local",
  "judge-chat",
  "remote",
  "random",
  "longer",
  "gold",
  "noisy-human",
] as const;

const NOISES = ["flip", "length-biased", "annotator"] as const;

/** Who labels, as flags. */
export type TeacherOptions = {
  readonly teacher: (typeof KINDS)[number];
  readonly model?: string;
  readonly reference?: string;
  readonly beta?: number;
  readonly url?: string;
  readonly apiKeyEnv?: string;
  readonly server?: ServerKind;
  readonly modelName?: string;
  readonly referenceName?: string;
  readonly tokenizer?: string;
  readonly judgePrompt?: string;
  readonly judgeMaxTokens?: number;
  readonly judgeTemperature?: number;
  readonly judgeBody?: Readonly<Record<string, unknown>>;
  readonly judgeVerdict?: string;
  readonly judgeVotes?: "auto" | "soft" | "hard";
  readonly judgeSamples?: number;
  readonly gold?: readonly string[];
  readonly human?: readonly string[];
  readonly noise?: (typeof NOISES)[number];
  readonly rate?: readonly number[];
};

type Flag = Exclude<keyof TeacherOptions, "teacher">;

/** Which flags act on which kind; those with ! must be given. */
const USES: Readonly<Record<TeacherOptions["teacher"], readonly (Flag | `${Flag}!`)[]>> = {
  "implicit-reward": ["model!", "reference!", "beta"],
  likelihood: ["model!"],
  "reward-head": ["model!"],
  "judge-local": ["model!", "judgePrompt"],
  "judge-chat": [
    "model!",
    "url!",
    "apiKeyEnv",
    "judgePrompt",
    "judgeMaxTokens",
    "judgeTemperature",
    "judgeBody",
    "judgeVerdict",
    "judgeVotes",
    "judgeSamples",
  ],
  remote: ["url!", "modelName!", "referenceName", "tokenizer!", "beta", "server", "apiKeyEnv"],
  random: [],
  longer: [],
  gold: ["gold!"],
  "noisy-human": ["human!", "noise!", "rate!"],
};

const NAMES: Readonly<Record<Flag, string>> = {
  model: "model",
  reference: "reference",
  beta: "beta",
  url: "url",
  apiKeyEnv: "api-key-env",
  server: "server",
  modelName: "model-name",
  referenceName: "reference-name",
  tokenizer: "tokenizer",
  judgePrompt: "judge-prompt",
  judgeMaxTokens: "judge-max-tokens",
  judgeTemperature: "judge-temperature",
  judgeBody: "judge-body",
  judgeVerdict: "judge-verdict",
  judgeVotes: "judge-votes",
  judgeSamples: "judge-samples",
  gold: "gold",
  human: "human",
  noise: "noise",
  rate: "rate",
};

/** Adds `--teacher` and the flags of its kinds. */
export function withTeacher(command: Command): Command {
  return command
    .addOption(new Option("--teacher <kind>", "who labels").choices(KINDS).default("implicit-reward"))
    .option(
      "--model <folder>",
      "the teacher's model: the policy, the reward model, the judge; for judge-chat the endpoint's name of it",
    )
    .option("--reference <folder>", "the model the policy was trained from (implicit-reward)")
    .option(
      "--beta <number>",
      "factor on the log-ratio (implicit-reward, remote), default 0.1",
      positiveNumber,
    )
    .option("--url <address>", "an endpoint, such as https://host/v1 (judge-chat, remote)")
    .option("--api-key-env <name>", "environment variable that holds the endpoint's key (judge-chat, remote)")
    .addOption(
      new Option("--server <kind>", "what is at the address (remote), default found out").choices(
        SERVER_KINDS,
      ),
    )
    .option("--model-name <name>", "the policy's name at the server (remote)")
    .option("--reference-name <name>", "the reference's name there; without it likelihoods (remote)")
    .option("--tokenizer <folder>", "folder of the served models' tokenizer (remote)")
    .option(
      "--judge-prompt <name|file>",
      "the judges' question: rlaif (default), alpaca-eval, mt-bench, llmbar, rubric, or a file with {prompt}, {first} and {second}",
    )
    .option(
      "--judge-max-tokens <n>",
      "most tokens of a reply, thinking included (judge-chat); default found out with the first question",
      wholeNumber(1, 1_000_000),
    )
    .option(
      "--judge-temperature <t>",
      "temperature of replies (judge-chat); default 0, or none where the endpoint takes none",
      temperature,
    )
    .option(
      "--judge-body <json>",
      `further members of every request (judge-chat), as '{"reasoning_effort":"low"}'`,
      requestBody,
    )
    .option(
      "--judge-verdict <pattern>",
      "a regular expression whose first group is the verdict: 1, 2, A, B or tie (judge-chat)",
    )
    .addOption(
      new Option(
        "--judge-votes <how>",
        "votes by the verdict's probability or its word (judge-chat); default auto: probabilities where the endpoint gives top_logprobs",
      ).choices(["auto", "soft", "hard"]),
    )
    .option(
      "--judge-samples <n>",
      "replies to each question, their votes averaged (judge-chat); default 1, more need a temperature",
      wholeNumber(1, 64),
    )
    .option(
      "--gold <file>",
      "JSON lines of id, goldA, goldB: rewards of the pool's candidates (gold); may be given again",
      collect,
    )
    .option(
      "--human <file>",
      "human preferences with the pool's ids and candidates (noisy-human); may be given again",
      collect,
    )
    .addOption(
      new Option(
        "--noise <kind>",
        "what the person gets wrong: labels flipped, the longer one taken, annotators of different care (noisy-human)",
      ).choices(NOISES),
    )
    .option("--rate <share>", "share that is wrong; for annotators one for each, as 0.05,0.3", rates);
}

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
      return { kind, policy: model, reference, beta };
    case "likelihood":
      return { kind, policy: model };
    case "reward-head":
      return { kind, model };
    case "judge-local":
      return { kind, model, prompt: await prompt() };
    case "judge-chat":
      return {
        kind,
        url,
        endpointModel: model,
        apiKeyEnv,
        prompt: await prompt(),
        ...(await chatOf(options)),
      };
    case "remote": {
      const { server, modelName = "", referenceName, tokenizer = "" } = options;
      if (options.beta !== undefined && referenceName === undefined)
        throw new ConfigError("--beta: has no effect without --reference-name. Leave it out.");
      const ratio = referenceName === undefined ? {} : { referenceName, beta };
      return { kind, url, server, modelName, tokenizer, apiKeyEnv, ...ratio };
    }
    case "random":
      return { kind, seed };
    case "longer":
      return { kind };
    case "gold":
      return { kind, rewards: () => maps.gold(options.gold!) };
    case "noisy-human":
      return { kind, seed, ...noiseOf(options), choices: () => maps.human(sourceOf(options.human!)) };
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
  };
}

function checkFlags(options: TeacherOptions): void {
  const { teacher } = options;
  const issues = (Object.keys(NAMES) as Flag[]).flatMap((flag) => {
    const needed = USES[teacher].includes(`${flag}!`);
    const used = needed || USES[teacher].includes(flag);
    const given = options[flag] !== undefined;
    if (given && !used) return [`--${NAMES[flag]}: has no effect with --teacher ${teacher}. Leave it out.`];
    return needed && !given ? [`--${NAMES[flag]}: is missing; --teacher ${teacher} needs it.`] : [];
  });
  const { noise, rate } = options;
  if (noise !== undefined && noise !== "annotator" && rate !== undefined && rate.length !== 1)
    issues.push(`--rate: expected one share for --noise ${noise}, got ${rate.length}.`);
  if (issues.length > 0) throw new ConfigError(issues);
}

function noiseOf({ noise, rate = [] }: TeacherOptions): HumanNoise {
  if (noise === "annotator") return { noise, rates: rate };
  return { noise: noise!, rate: rate[0]! };
}

/** A question by its name, or out of a file. */
async function readQuestion(given: string): Promise<string> {
  const { judgePrompt } = await import("../../method/teacher/judge.ts");
  const { JUDGE_PROMPTS } = await import("../../method/teacher/judge-prompts.ts");
  if (Object.hasOwn(JUDGE_PROMPTS, given)) return JUDGE_PROMPTS[given]!;
  const { readText } = await import("../../base/core/files.ts");
  return judgePrompt((await readText(given, 2 ** 20)).trimEnd()).text;
}

/** Files beside the model folders that the flags name: a stage's key holds their digests. */
export function teacherFiles({ gold, human, tokenizer }: TeacherOptions): Readonly<Record<string, Source>> {
  const sources = { gold: gold && sourceOf(gold), human: human && sourceOf(human), tokenizer };
  return Object.fromEntries(
    Object.entries(sources).flatMap(([name, source]) => (source === undefined ? [] : [[name, source]])),
  );
}
