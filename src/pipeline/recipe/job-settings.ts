/** What the main job does, resolved: a recipe with every default filled in, in the words of the rooms below. */

import { digestOf } from "../../base/core/digest.ts";
import type { Margin } from "../../base/stats/equivalence.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import type { Reading, Source } from "../../method/data/source.ts";
import type { GoldSpec } from "../../method/evaluate/gold.ts";
import type { JudgeSpec } from "../../method/evaluate/judges/spec.ts";
import type { GenerateServer } from "../../method/evaluate/served-sampler.ts";
import type { SamplingSettings } from "../../method/evaluate/simulate.ts";
import type { CalibrationMethod } from "../../method/labels/calibration.ts";
import type { WeightForm } from "../../method/labels/confidence.ts";
import type { SelectionSettings } from "../../method/labels/selection.ts";
import type { LabelledSettings } from "../../method/split/labelled-part.ts";
import type { PeopleNoise } from "../../method/split/people-noise.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import type { ModelSource, PreferSettings } from "./model-settings.ts";
import type { TeacherSettings } from "./teacher-settings.ts";
import type { TrlTrainer } from "./trainer.ts";

/** A source of preferences, or several, whose parts then say each how it is read. */
export type DataSource = Reading & { readonly source: Source; readonly onBadRow: "fail" | "skip" };

/** Parts of the data, and the files they may have of their own. */
export const PARTS = ["labelled", "pool", "test"] as const;

/** Preferences from files: parts of one that is split by prompt, parts in files of their own, or both. */
export type FilesData = {
  readonly kind: "files";
  /** Split into the parts that `split` names. */
  readonly main?: DataSource | undefined;
  /** Sizes: shares of the rows where at most 1, else counts of rows; 0 where the part comes from elsewhere. */
  readonly split: Readonly<Record<(typeof PARTS)[number], number>>;
  /** `labelled` beside a part of `main` adds to it; `pool` needs no human labels. */
  readonly files: Partial<Readonly<Record<(typeof PARTS)[number], DataSource>>>;
  readonly testPrompts: number;
  /** Rows that a model would cut are left out before the split; else prompts are cut, and arms leave out cut responses. */
  readonly overLength?: "drop";
};

/** A world made from prompts: candidates sampled from the student's base, a gold score, simulated people. */
export type WorldData = {
  readonly kind: "world";
  /** File with a JSON list of prompts, or "demo" for those that come with the package. */
  readonly prompts: string;
  readonly promptLimit?: number | undefined;
  /** Pairs per prompt. */
  readonly pairsPerPrompt: number;
  readonly sampling: SamplingSettings;
  readonly gold: GoldSpec;
  /** How well simulated people see gold. */
  readonly people: PeopleNoise;
  readonly labelled: number;
  readonly test: number;
};

/** The labels an arm's student learns from. */
export type LabelSource = "weak" | "human" | "random" | "gold";

/** Which pairs with which labels: everything that the rows of an arm depend on beside the data and the teacher's labels. */
export type RowSpec = {
  readonly labels: LabelSource;
  readonly data: "pool" | "labelled" | "both";
  /** By whether the weak label (with `flip`: the flipped one) is the person's. */
  readonly subset: "all" | "match" | "mismatch";
  /** Only the pairs that the teacher decided and selection kept. */
  readonly keptOnly: boolean;
  /** The teacher's weights on these labels. */
  readonly weightsFrom?: "weak" | undefined;
  /** Share of labels turned round, or as many as the teacher's disagreements with them (its own: with people). */
  readonly flip?: number | "teacher" | undefined;
  /** Which are turned round; undefined: drawn at random. */
  readonly flipWhich?: "close" | "unsure" | undefined;
  /** Number of pairs, or as many as are labelled. */
  readonly size?: number | "labelled" | undefined;
};

/** One student. `sft` stops after supervised fine-tuning on the preferred responses; `none` is the base as it is. */
export type ArmSettings = {
  readonly name: string;
  readonly training: "sft" | "prefer" | "none";
  readonly rows: RowSpec;
  /** Rules of this arm's weak labels where they differ from the job's. */
  readonly select?: SelectionSettings | undefined;
  readonly weight?: WeightForm | undefined;
  /** Rows of the fine-tuning before: the arm's own, none, or those of another source. */
  readonly sft: "own" | "none" | LabelSource;
  readonly prefer?: PreferSettings | undefined;
};

/** True for all pairs of the pool as one source labels them. */
export const isPlain = (rows: RowSpec): boolean => digestOf(rows) === digestOf(plainRows(rows.labels));

/** The whole pool with the labels of one source. */
export const plainRows = (labels: LabelSource): RowSpec => ({
  labels,
  data: "pool",
  subset: "all",
  keptOnly: false,
});

/** The whole job. */
export type MainJob = {
  readonly name: string;
  readonly seed: number;
  /** What data is drawn with where that is not `seed`: split, candidates, simulated people, test prompts. */
  readonly dataSeed?: number | undefined;
  /** A teacher that learns nothing here needs no weak model. */
  readonly models: { readonly weak: ModelSource | undefined; readonly student: ModelSource };
  readonly data: FilesData | WorldData;
  readonly limits: TokenLimits;
  /** Undefined where the teacher learns from the labelled pairs as they are. */
  readonly labelled?: LabelledSettings | undefined;
  readonly teacher: TeacherSettings;
  readonly label: {
    readonly calibration: CalibrationMethod;
    /** Share of the labelled prompts kept from the teacher's training, to calibrate on: in (0, 1); 1 where nobody learns; 0 with folds. */
    readonly heldOut: number;
    /** Cross-fitting: teachers that each learn from all folds but one, which they score; 0 for none. */
    readonly folds: number;
    readonly selection: SelectionSettings;
    readonly weight: WeightForm;
  };
  readonly student: {
    readonly sft: TrainSettings;
    readonly sftLora?: LoraOptions | undefined;
    readonly prefer: PreferSettings;
    readonly lora?: LoraOptions | undefined;
    /** Who trains, where that is not this program. */
    readonly trainer?: TrlTrainer | undefined;
  };
  readonly arms: readonly ArmSettings[];
  readonly evaluation: {
    readonly generation: SamplingSettings;
    /** Undefined where responses are sampled here. */
    readonly server?: GenerateServer | undefined;
    readonly gold: readonly GoldSpec[];
    readonly judges: readonly JudgeSpec[];
    /** Generate from the start of each arm, for GRA against its own. */
    readonly ownBaselines: boolean;
    readonly resamples: number;
    /** What counts as equal to human labels, over seeds. */
    readonly parity?: Margin | undefined;
  };
};

/** The arm that others are measured against: the one that stops after SFT, else the first. */
export const baselineOf = (job: MainJob): string =>
  (job.arms.find(({ training }) => training === "sft") ?? job.arms[0]!).name;

/** The student trained on human labels, where there is one. */
export const humanOf = (job: MainJob): string | undefined =>
  job.arms.find(({ rows, training }) => rows.labels === "human" && training === "prefer" && isPlain(rows))
    ?.name;
