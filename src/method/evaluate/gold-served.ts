/** Reward models behind a server as gold scorers (`teacher/remote/rewards.ts` asks it). Texts become token ids here, as for local ones. */
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { serverAt } from "../../base/settings/server.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import { openServedRewards, whyNoServer } from "../teacher/remote/rewards.ts";
import { cutCheck, readDecoderRows, readingShape, rewardLimits } from "./gold-reward-model.ts";
import type { GoldScorer } from "./gold-scorer.ts";

/** Settings of a `gold` entry of type `reward-server`, beside its type and name. */
export const rewardServerShape = {
  ...serverAt("A server with /pooling or /classify: vLLM, weak-teacher serve."),
  model: z.string().min(1).describe("The reward model's name at the server."),
  tokenizer: z.string().min(1).describe("Folder of its tokenizer and chat template."),
  ...readingShape,
  maxLength: z
    .number()
    .int()
    .min(2)
    .describe("Most tokens of prompt and response: at most what the server takes (--max-model-len)."),
};

const schema = z.strictObject(rewardServerShape);

/** Which served reward model, and how it reads. */
export type RewardServerSpec = z.output<typeof schema> & {
  readonly type: "reward-server";
  readonly name?: string | undefined;
};

/**
 * Opens a served reward model: looks its name up, probes it, and remembers how its canaries sing.
 * @param options.memory - folder that keeps the canaries' scores from session to session
 * @throws ConfigError for settings that do not fit; AlignError "remote" when the server gives no raw scores, or other ones than in an earlier session
 */
export async function openRewardServer(
  spec: RewardServerSpec,
  {
    memory,
    signal = new AbortController().signal,
  }: { memory?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<GoldScorer> {
  const where = `gold scorer ${spec.name ?? spec.model}`;
  const tokenizer = await loadTokenizer(spec.tokenizer);
  const limits = rewardLimits(spec, spec.maxLength);
  const served = await openServedRewards({ ...spec, who: where, tokenizer, memory, signal });
  return {
    name: spec.name ?? spec.type,
    digest: await rewardServerDigest(spec),
    trainedOn: spec.trainedOn,
    async score(items) {
      const cut = cutCheck(where, spec.tooLong, limits, undefined);
      const rows = readDecoderRows(tokenizer, spec, where, items, limits, cut);
      const texts = rows.map(({ prompt, responses: [response] }) => [...prompt, ...response!]);
      return served.score(texts, signal);
    },
    close: async () => {},
  };
}

/**
 * Probes a served reward model before anything is computed. A server that is not there yet is no error: one machine may hold it only when the
 * training is over.
 * @returns why nothing answers, where nothing does
 * @throws as `openRewardServer`
 */
export async function probeRewardServer(
  spec: RewardServerSpec,
  signal: AbortSignal = new AbortController().signal,
): Promise<string | undefined> {
  const missing = await whyNoServer(
    `gold scorer ${spec.name ?? spec.model}`,
    { ...spec, timeoutMs: 10_000 },
    signal,
  );
  if (missing === undefined) await (await openRewardServer(spec, { signal })).close();
  return missing;
}

/** What scores depend on as far as it can be told without asking: the model's name, the tokenizer, and how texts are read. @throws as `loadTokenizer` */
export async function rewardServerDigest(spec: RewardServerSpec): Promise<string> {
  const { digest, chatTemplate } = await loadTokenizer(spec.tokenizer);
  const { type, model, reads, maxLength, maxPromptLength } = spec;
  return digestOf([
    type,
    model,
    digest,
    chatTemplate?.digest ?? null,
    reads,
    rewardLimits({ maxLength, maxPromptLength }, maxLength),
  ]);
}
