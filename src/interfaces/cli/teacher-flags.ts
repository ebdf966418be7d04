/** Flags that say who labels, and which of them act on which kind. */
import { type Command, Option } from "commander";
import { ConfigError } from "../../base/core/errors.ts";
import { SERVER_KINDS, type ServerKind } from "../../method/teacher/remote/protocol.ts";
import { SERVED_GIVES } from "../../method/teacher/remote/served-gives.ts";
import {
  collect,
  positiveNumber,
  rates,
  requestBody,
  temperature,
  twoPrices,
  wholeNumber,
} from "./options.ts";

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
  readonly gives?: (typeof SERVED_GIVES)[number];
  readonly tokenizer?: string;
  readonly judgePrompt?: string;
  readonly judgeMaxTokens?: number;
  readonly judgeTemperature?: number;
  readonly judgeBody?: Readonly<Record<string, unknown>>;
  readonly judgeVerdict?: string;
  readonly judgeVotes?: "auto" | "soft" | "hard";
  readonly judgeSamples?: number;
  readonly judgeTies?: "auto" | "allowed" | "refused";
  readonly judgeConcurrency?: number;
  readonly judgeTimeout?: number;
  readonly judgePrices?: readonly [input: number, output: number];
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
    "judgeTies",
    "judgeConcurrency",
    "judgeTimeout",
    "judgePrices",
  ],
  remote: ["url!", "model!", "gives", "reference", "tokenizer!", "beta", "server", "apiKeyEnv"],
  random: [],
  longer: [],
  gold: ["gold!"],
  "noisy-human": ["human!", "noise!", "rate!"],
};

/** How the flags are written, without dashes. */
export const TEACHER_FLAGS: Readonly<Record<Flag, string>> = {
  model: "model",
  reference: "reference",
  beta: "beta",
  url: "url",
  apiKeyEnv: "api-key-env",
  server: "server",
  gives: "gives",
  tokenizer: "tokenizer",
  judgePrompt: "judge-prompt",
  judgeMaxTokens: "judge-max-tokens",
  judgeTemperature: "judge-temperature",
  judgeBody: "judge-body",
  judgeVerdict: "judge-verdict",
  judgeVotes: "judge-votes",
  judgeSamples: "judge-samples",
  judgeTies: "judge-ties",
  judgeConcurrency: "judge-concurrency",
  judgeTimeout: "judge-timeout",
  judgePrices: "judge-prices",
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
      "the teacher's model: the policy, the reward model, the judge; for judge-chat and remote its name at the server",
    )
    .option(
      "--reference <folder>",
      "the model the policy was trained from (implicit-reward); for remote its name, without it scores are likelihoods",
    )
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
    .addOption(
      new Option(
        "--gives <what>",
        "what that model gives: log-probabilities of given tokens (default), or rewards, by /pooling or /classify (remote)",
      ).choices(SERVED_GIVES),
    )
    .option("--tokenizer <folder>", "folder of the served models' tokenizer (remote)")
    .option(
      "--judge-prompt <name|file>",
      "the judges' question: rlaif (default), short, alpaca-eval, mt-bench, llmbar, rubric, or a file with {prompt}, {first} and {second}",
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
    .addOption(
      new Option(
        "--judge-ties <how>",
        "whether a reply may call it a tie, which counts half (judge-chat); default auto: where the question does not ask for one of two",
      ).choices(["auto", "allowed", "refused"]),
    )
    .option(
      "--judge-concurrency <n>",
      "questions on their way at one time (judge-chat); default 8, few for a server on a few cores",
      wholeNumber(1, 1_000),
    )
    .option(
      "--judge-timeout <seconds>",
      "how long one attempt at a question may take (judge-chat); default 60",
      positiveNumber,
    )
    .option(
      "--judge-prices <in,out>",
      "price of a million tokens of questions and of replies, as 2.5,10: cost is told before (--dry-run) and during the work (judge-chat)",
      twoPrices,
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

/** @throws ConfigError for flags that are missing or have no effect on the kind, all of them at once */
export function checkFlags(options: TeacherOptions): void {
  const { teacher } = options;
  const issues = (Object.keys(TEACHER_FLAGS) as Flag[]).flatMap((flag) => {
    const needed = USES[teacher].includes(`${flag}!`);
    const used = needed || USES[teacher].includes(flag);
    const given = options[flag] !== undefined;
    if (given && !used)
      return [`--${TEACHER_FLAGS[flag]}: has no effect with --teacher ${teacher}. Leave it out.`];
    return needed && !given ? [`--${TEACHER_FLAGS[flag]}: is missing; --teacher ${teacher} needs it.`] : [];
  });
  const { noise, rate } = options;
  if (noise !== undefined && noise !== "annotator" && rate !== undefined && rate.length !== 1)
    issues.push(`--rate: expected one share for --noise ${noise}, got ${rate.length}.`);
  if (issues.length > 0) throw new ConfigError(issues);
}
