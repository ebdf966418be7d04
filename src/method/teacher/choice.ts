/**
 * Who labels: every kind of teacher as a value, and the one place where a value becomes a teacher. A new kind is a member of
 * `TeacherChoice`, a case of `identityOf` and a case of `openTeacher`.
 */

import type { HttpOptions } from "../../base/core/http.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { openControl } from "./control-teachers.ts";
import type { HumanChoice, Scores } from "./controls.ts";
import type { HumanNoise } from "./given-teachers.ts";
import { openImplicitReward } from "./implicit-reward.ts";
import { type ChatJudgeOptions, openChatJudge } from "./judge-chat.ts";
import { openLocalJudge, questionLimits } from "./judge-local.ts";
import { openLikelihood } from "./likelihood.ts";
import type { Precision } from "./precisions.ts";
import { openRemoteTeacher, type RemoteTeacherOptions } from "./remote/remote-teacher.ts";
import { openRewardTeacher } from "./remote/reward-teacher.ts";
import type { SERVED_GIVES } from "./remote/served-gives.ts";
import { openRewardHead } from "./reward-head.ts";
import type { Teacher } from "./teacher.ts";

/** Who labels. Model folders are paths; maps are by pair id and read when the teacher opens. */
export type TeacherChoice =
  | {
      readonly kind: "implicit-reward";
      readonly model: string;
      readonly reference: string;
      readonly beta: number;
      readonly precision?: Precision | undefined;
    }
  | {
      readonly kind: "likelihood" | "reward-head";
      readonly model: string;
      readonly precision?: Precision | undefined;
    }
  /** `prompt` is the question (`method/teacher/judge.ts`); default the built-in one. */
  | {
      readonly kind: "judge-local";
      readonly model: string;
      readonly prompt?: string | undefined;
      readonly precision?: Precision | undefined;
    }
  /** A judge behind a chat endpoint. */
  | ({ readonly kind: "judge-chat" } & Omit<ChatJudgeOptions, "name" | "cache" | "unread">)
  /** Models behind a server; log-probabilities, or rewards, come over HTTP (`teacher/remote/`). */
  | ({
      readonly kind: "remote";
      /** Default log-probabilities; with rewards there is no server kind, no reference and no beta. */
      readonly gives?: (typeof SERVED_GIVES)[number] | undefined;
    } & Omit<RemoteTeacherOptions, "limits" | "name" | "memory" | "signal">)
  | { readonly kind: "random"; readonly seed: number }
  | { readonly kind: "longer" }
  | { readonly kind: "gold"; readonly rewards: () => Promise<ReadonlyMap<string, Scores>> }
  | {
      readonly kind: "noisy-human";
      readonly seed: number;
      readonly noise: HumanNoise;
      readonly choices: () => Promise<ReadonlyMap<string, HumanChoice>>;
    };

/** How a server is asked, which no score depends on: its key's variable, how many ask at once, how patiently, and what it costs. */
export type AskedHow = Omit<HttpOptions, "url"> & Pick<ChatJudgeOptions, "prices">;

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A choice without the folders it reads, what it is told of pairs, and how it is asked: plain JSON. */
export type ChoiceSettings =
  | Without<ModelChoice, "model" | "reference">
  | Without<Exclude<TeacherChoice, ModelChoice>, "tokenizer" | "rewards" | "choices" | keyof AskedHow>;

/** What a choice's scores depend on, for the key of a stage: values as they are, models by the folders they lie in. */
export type ChoiceIdentity = {
  readonly settings: ChoiceSettings;
  /** Model folders by role; their contents belong into the key. */
  readonly models: Readonly<Record<string, string>>;
};

/** What a choice has beside its settings. */
export type ChoiceParts = {
  /** Folders by role: those of models, and `tokenizer` of served ones. */
  readonly folders: Readonly<Record<string, string | undefined>>;
  readonly how: AskedHow;
  readonly rewards: () => Promise<ReadonlyMap<string, Scores>>;
  readonly choices: () => Promise<ReadonlyMap<string, HumanChoice>>;
};

/** The choice of its settings and parts: the way back from `identityOf`. */
export function choiceOf(
  settings: ChoiceSettings,
  { folders, how, rewards, choices }: ChoiceParts,
): TeacherChoice {
  switch (settings.kind) {
    case "implicit-reward":
      return { ...settings, model: folders["policy"]!, reference: folders["reference"]! };
    case "likelihood":
      return { ...settings, model: folders["policy"]! };
    case "reward-head":
    case "judge-local":
      return { ...settings, model: folders["model"]! };
    case "judge-chat":
      return { ...settings, ...how };
    case "remote":
      return { ...settings, ...how, tokenizer: folders["tokenizer"]! };
    case "random":
    case "longer":
      return settings;
    case "gold":
      return { ...settings, rewards };
    case "noisy-human":
      return { ...settings, choices };
    default:
      return settings satisfies never;
  }
}

/** The identity of a choice. The tokenizer of served models, human labels and gold rewards are not in it: the stage names their digests. */
export function identityOf(choice: TeacherChoice): ChoiceIdentity {
  const { kind } = choice;
  switch (kind) {
    // Roles in keys are those of a manifest.
    case "implicit-reward":
      return {
        settings: { kind, beta: choice.beta, ...inFewBits(choice) },
        models: { policy: choice.model, reference: choice.reference },
      };
    case "likelihood":
      return { settings: { kind, ...inFewBits(choice) }, models: { policy: choice.model } };
    case "reward-head":
      return { settings: { kind, ...inFewBits(choice) }, models: { model: choice.model } };
    case "judge-local":
      return {
        settings: given({ kind, prompt: choice.prompt, ...inFewBits(choice) }),
        models: { model: choice.model },
      };
    case "judge-chat": {
      return { settings: given(askedApart(choice).settings), models: {} };
    }
    case "remote": {
      const { url, server, model, reference, beta } = choice;
      const gives = choice.gives === "rewards" ? choice.gives : undefined;
      return { settings: given({ kind, url, model, gives, server, reference, beta }), models: {} };
    }
    case "random":
      return { settings: { kind, seed: choice.seed }, models: {} };
    case "longer":
    case "gold":
      return { settings: { kind }, models: {} };
    case "noisy-human": {
      const { choices: _, ...settings } = choice;
      return { settings, models: {} };
    }
    default:
      return kind satisfies never;
  }
}

/** Kinds that hold models of this machine, and so may hold them in few bits. */
export type ModelChoice = Extract<TeacherChoice, { readonly precision?: unknown }>;

/** Whether a teacher's weights can be held in few bits. */
export const holdsModels = (choice: TeacherChoice): choice is ModelChoice =>
  ["implicit-reward", "likelihood", "reward-head", "judge-local"].includes(choice.kind);

/** float32, said or not, is one key. */
const inFewBits = ({ precision }: { readonly precision?: Precision | undefined }) =>
  precision === undefined || precision === "float32" ? {} : { precision };

/** Model folders that read pairs under the caller's token limits; a local judge reads questions under its own. */
export const readersOf = (choice: TeacherChoice): readonly string[] =>
  choice.kind === "judge-local" ? [] : Object.values(identityOf(choice).models);

/** Where and how a teacher opens. */
export type OpenOptions = {
  readonly limits: TokenLimits;
  /** For people and for `label_source`; default the kind with a digest. */
  readonly name?: string;
  /** Folder of an endpoint's replies: no question is paid for twice. */
  readonly replies: string;
};

/** What a teacher computes with; the runtime is opened by the kinds that hold a model. */
export type OpenDeps = { readonly runtime: () => Runtime; readonly signal?: AbortSignal | undefined };

/**
 * Opens the teacher of a choice.
 * @throws ConfigError, CheckpointError as the kind's own function does
 */
export async function openTeacher(
  { runtime, signal }: OpenDeps,
  choice: TeacherChoice,
  { limits, name, replies }: OpenOptions,
): Promise<Teacher> {
  const common = { limits, name };
  switch (choice.kind) {
    case "implicit-reward":
      return openImplicitReward(runtime(), { ...choice, ...common });
    case "likelihood":
      return openLikelihood(runtime(), { ...choice, ...common });
    case "reward-head":
      return openRewardHead(runtime(), { ...choice, ...common });
    case "judge-local": {
      // A question holds the prompt and both responses: it gets the model's positions, not the limits of a pair.
      const own = await questionLimits(choice.model);
      return openLocalJudge(runtime(), { ...choice, name, limits: own });
    }
    case "judge-chat":
      return openChatJudge({ ...choice, name, cache: replies });
    case "remote": {
      const open = choice.gives === "rewards" ? openRewardTeacher : openRemoteTeacher;
      return open({ ...choice, ...common, memory: replies, signal });
    }
    case "random":
    case "longer":
      return openControl(choice);
    case "gold":
      return openControl({ kind: choice.kind, rewards: await choice.rewards() });
    case "noisy-human":
      return openControl({ ...choice, choices: await choice.choices() });
    default:
      return choice satisfies never;
  }
}

/** How a choice's server is asked; nothing of teachers that ask none. */
export const howAsked = (choice: TeacherChoice): AskedHow => ("url" in choice ? askedApart(choice).how : {});

function askedApart<T extends AskedHow>(
  choice: T,
): { readonly settings: Omit<T, keyof AskedHow>; readonly how: AskedHow } {
  const { apiKeyEnv, timeoutMs, retries, backoffMs, concurrency, plain, prices, ...settings } = choice;
  return { settings, how: { apiKeyEnv, timeoutMs, retries, backoffMs, concurrency, plain, prices } };
}

/** Without what is undefined: leaving an option out and giving it no value are the same. */
const given = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
