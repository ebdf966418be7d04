/**
 * A teacher that is a reward model behind a server: vLLM's `/pooling` or `/classify`, this project's `serve`. Texts become token ids here, as for a
 * local reward head, and its scores are the local ones.
 */
import { ConfigError } from "../../../base/core/errors.ts";
import type { HttpOptions } from "../../../base/core/http.ts";
import type { TokenLimits } from "../../../engine/text/pair.ts";
import { loadTokenizer } from "../../../engine/text/tokenizer.ts";
import { encodePairs } from "../encode.ts";
import { plainScores } from "../logratio.ts";
import { type Teacher, type TeacherManifest, teacherDigest } from "../teacher.ts";
import { candidateNumbers } from "./candidates.ts";
import { openServedRewards } from "./rewards.ts";
import { rewardSettingProblems } from "./served-gives.ts";

/** How to open a served reward model as a teacher. */
export type RewardTeacherOptions = HttpOptions & {
  /** The reward model's name at the server. */
  readonly model: string;
  /** Folder of its tokenizer (and template). */
  readonly tokenizer: string;
  readonly limits: TokenLimits;
  readonly name?: string | undefined;
  /** Folder that keeps the canaries' scores from session to session. */
  readonly memory: string;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Opens a served reward model; its margins are log-odds.
 * @throws ConfigError for options that do not fit; AlignError "remote" when the server gives no raw scores, or other ones than in an earlier session
 */
export async function openRewardTeacher(options: RewardTeacherOptions): Promise<Teacher> {
  const { limits, model, memory, signal = new AbortController().signal } = options;
  const problems = rewardSettingProblems(options, (name) => `remote teacher: ${name}`);
  if (problems.length > 0) throw new ConfigError(problems);
  const tokenizer = await loadTokenizer(options.tokenizer);
  const served = await openServedRewards({
    ...options,
    ...{ who: "remote teacher", model, tokenizer, maxLength: limits.maxLength, memory, signal },
  });
  const manifest: TeacherManifest = {
    ...{ kind: "remote", code: "1", lengthUnit: "tokens", limits },
    tokenizer: tokenizer.digest,
    template: tokenizer.chatTemplate?.digest ?? null,
    policy: served.digest,
    settings: { gives: "rewards", version: served.version, model },
  };
  return {
    name: options.name ?? `remote-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs, outer) {
      const encoded = encodePairs(tokenizer, pairs, limits);
      const ids = pairs.map(({ id }) => id);
      const rewards = await candidateNumbers(encoded, ids, (texts) =>
        served.score(
          texts.map((text) => text.ids),
          outer ?? signal,
        ),
      );
      return plainScores(ids, encoded, rewards);
    },
    close: async () => {},
  };
}
