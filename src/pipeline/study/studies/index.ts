/** All studies, in the order of the report. */
import { ConfigError } from "../../../base/core/errors.ts";
import { didYouMean } from "../../../base/core/suggest.ts";
import type { StudyDefinition } from "../study.ts";
import { annotators, lengthBias } from "./annotators.ts";
import { examples, similarity } from "./answers.ts";
import { confidence, easierPairs, topShare, weightForms } from "./confidence.ts";
import { consistency } from "./consistency.ts";
import { goldModels, votes, winRate } from "./judges.ts";
import { agreement, disagreement, goldGap } from "./label-quality.ts";
import { humanAll, labelledFraction } from "./labelled-share.ts";
import { family, studentSize, teacherSize } from "./models.ts";
import { noiseControl, purify } from "./noise.ts";
import { domainTransfer, imbalance, poisoning } from "./robustness.ts";
import { beta, seeds, sftAblation } from "./training.ts";

/** Every study; each says the item of the papers it stands beside. */
export const STUDIES: readonly StudyDefinition[] = [
  agreement,
  purify,
  noiseControl,
  goldGap,
  disagreement,
  votes,
  similarity,
  examples,
  studentSize,
  teacherSize,
  family,
  labelledFraction,
  beta,
  sftAblation,
  seeds,
  winRate,
  goldModels,
  confidence,
  weightForms,
  topShare,
  humanAll,
  easierPairs,
  annotators,
  imbalance,
  poisoning,
  consistency,
  lengthBias,
  domainTransfer,
];

/** Studies by name; "all" is every one. @throws ConfigError for a name that is none */
export function studiesNamed(names: readonly string[]): readonly StudyDefinition[] {
  if (names.includes("all")) return STUDIES;
  const known = STUDIES.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new ConfigError(
      unknown.map(
        (name) =>
          `study ${name}: there is no such study${didYouMean(name, known) || `; there are ${known.join(", ")} and all.`}`,
      ),
    );
  return STUDIES.filter(({ name }) => names.includes(name));
}
