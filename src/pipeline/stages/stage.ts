/**
 * A stage is one step of a run: named inputs, a slice of the recipe, and a function that fills a folder. Its key is the digest of
 * all that its result depends on; what is kept under a key is never computed again.
 */
import { join } from "node:path";
import { digestOf } from "../../base/core/digest.ts";

/** What a stage made: a folder that is whole, or (only in a plan) one that is not there yet. */
export type Artefact = {
  readonly stage: string;
  readonly folder: string;
  /** Digest of the contents, `log/` left out; undefined only in a plan, for what is not computed yet. */
  readonly digest: string | undefined;
  /** A file of it. */
  path(...parts: string[]): string;
};

/** Where a stage works. A crash leaves it behind, and the next attempt finds everything as it was. */
export type WorkFolder = {
  readonly folder: string;
  /** True when an earlier attempt was cut off here. */
  readonly resumed: boolean;
  /** Checkpoints and the like: in the work folder, removed when the stage is done. */
  readonly scratch: string;
  /** Curves, timings: kept, but not part of the digest, since they differ from run to run. */
  readonly log: string;
  /** A file of it. */
  path(...parts: string[]): string;
};

/** One step. `inputs` are artefacts of stages before it, or digests of files from outside. */
export type Stage = {
  /** Lower-case words with dashes, unique in a run: "teacher-sft". */
  readonly name: string;
  /** Raised by hand whenever the stage's code would give another result. */
  readonly version: number;
  /** The part of the recipe that the result depends on; plain JSON, no more than is needed. */
  readonly config: unknown;
  readonly inputs: Readonly<Record<string, Artefact | string>>;
  /**
   * The part of the work that any number of processes may do in one work folder at once, such as the shards of a pool. It returns when
   * all of it is done, by whomever. Then one process alone goes on with `run`.
   */
  share?(work: WorkFolder): Promise<void>;
  /** Fills the work folder. Must be deterministic, and go on from what it finds when `work.resumed`. */
  run(work: WorkFolder): Promise<void>;
};

/** What a key is the digest of. */
export type Identity = {
  readonly name: string;
  readonly version: number;
  /** Version of the package: another release never trusts what this one made. */
  readonly code: string;
  readonly config: unknown;
  readonly inputs: Readonly<Record<string, string>>;
};

/** The identity of a stage, or undefined while an input is not computed. */
export function identityOf(stage: Stage, code: string): Identity | undefined {
  const inputs: Record<string, string> = {};
  for (const [name, input] of Object.entries(stage.inputs)) {
    const digest = typeof input === "string" ? input : input.digest;
    if (digest === undefined) return undefined;
    inputs[name] = digest;
  }
  return { name: stage.name, version: stage.version, code, config: stage.config, inputs };
}

/** Names of the stages that a stage takes something from, each once. */
export function stagesBefore({ inputs }: Stage): string[] {
  return [
    ...new Set(Object.values(inputs).flatMap((input) => (typeof input === "string" ? [] : [input.stage]))),
  ];
}

/** SHA-256 of an identity, hex. */
export function keyOf(identity: Identity): string {
  return digestOf(identity);
}

/** Name of the folder of a stage under its key: "teacher-sft-0123456789ab". */
export function folderName(name: string, key: string): string {
  return `${name}-${key.slice(0, 12)}`;
}

/** An artefact at a folder. */
export function artefactAt(stage: string, folder: string, digest: string | undefined): Artefact {
  return { stage, folder, digest, path: (...parts) => join(folder, ...parts) };
}
