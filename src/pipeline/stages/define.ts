/**
 * How a stage is written: `run` stands at the top of its module, away from whoever asks for the stage, and is given config, inputs and a
 * place to work. What it is given is what the key is made of, so a result cannot depend on what its key does not hold.
 */

import { digestOf } from "../../base/core/digest.ts";
import type { JobDeps } from "./deps.ts";
import { atWork } from "./progress.ts";
import type { Artefact, WorkFolder } from "./stage.ts";

/** A file or folder that a stage reads: where it lies, and the artefact or digest that says what it is. Where it lies is in no key. */
export type Ref = { readonly folder: string; readonly source: Artefact | string };

/** A value that is an input because it is too long for the record of a config. */
export type Digested<T> = { readonly value: T; readonly source: string };

/** A value as an input. @param value - plain JSON */
export const digested = <T>(value: T): Digested<T> => ({ value, source: digestOf(value) });

type Input = Artefact | Ref | Digested<unknown>;

/** What a stage is made from, by name; a list is keyed by the places in it, and what is undefined is not there. */
export type Inputs = Readonly<Record<string, Input | readonly Input[] | undefined>>;

/** What a stage works with and what no result depends on. */
export type StageTools = Omit<JobDeps, "pipeline"> & {
  /** Of the run that the stage is in: answers that all its stages share are kept there. */
  readonly runFolder: string;
};

/** All that a stage sees. */
export type Running<Config, In extends Inputs, How = undefined> = {
  /** What the stage is called, for messages. */
  readonly name: string;
  readonly work: WorkFolder;
  readonly config: Config;
  readonly inputs: In;
  readonly tools: StageTools;
  /** What changes how long the work takes and never what comes of it: keys of endpoints, patience, requests at one time. */
  readonly how: How;
};

/** What a stage does, whatever it is called and given. */
type Definition<Config, In extends Inputs, How> = {
  /** Raised by hand whenever the code would give another result. */
  readonly version: number;
  /** As `Stage.share`. */
  share?(running: Running<Config, In, How>): Promise<void>;
  /** As `Stage.run`. */
  run(running: Running<Config, In, How>): Promise<void>;
};

/** A stage that is asked for. */
type Asked<Config, In extends Inputs, How> = {
  /** Lower-case words with dashes, unique in a run. */
  readonly name: string;
  /** The part of the settings that the result depends on; plain JSON. */
  readonly config: Config;
  readonly inputs: In;
} & ([How] extends [undefined] ? { readonly how?: undefined } : { readonly how: How });

/** A stage that can be asked for: gives its artefact, computed if it is not kept (`Pipeline.stage`). */
export type AskStage<Config, In extends Inputs, How = undefined> = (
  deps: JobDeps,
  asked: Asked<Config, In, How>,
) => Promise<Artefact>;

/** Defines a stage. Stand at the top of a module: a function inside another sees what no key holds. */
export function defineStage<Config, In extends Inputs, How = undefined>({
  version,
  share,
  run,
}: Definition<Config, In, How>): AskStage<Config, In, How> {
  return ({ pipeline, ...deps }, { name, config, inputs, how }) => {
    const tools = { ...deps, runFolder: pipeline.folder };
    const running = (work: WorkFolder) => ({
      ...{ name, work, config, inputs, how: how as How },
      tools: atWork(tools, work),
    });
    return pipeline.stage({
      name,
      version,
      config,
      inputs: sourcesOf(inputs),
      ...(share && { share: (work) => share(running(work)) }),
      run: (work) => run(running(work)),
    });
  };
}

function sourcesOf(inputs: Inputs): Record<string, Artefact | string> {
  const sources: Record<string, Artefact | string> = {};
  const add = (name: string, input: Input) => {
    sources[name] = "source" in input ? input.source : input;
  };
  for (const [name, input] of Object.entries(inputs)) {
    if (isList(input)) for (const [i, one] of input.entries()) add(`${name}${i}`, one);
    else if (input !== undefined) add(name, input);
  }
  return sources;
}

const isList = (input: Inputs[string]): input is readonly Input[] => Array.isArray(input);
