/** The stages of a run: what is done, what is at work and how fast, what went wrong and what to do. */
import { formatNumber } from "../../../../report/format.ts";
import type { RunStatus } from "../../protocol.ts";
import { stageName } from "./curves.ts";
import { type RunStore, rateOf } from "./store.ts";

type Stage = RunStatus["stages"][number];

const MARKS: Readonly<Record<Stage["state"], string>> = {
  done: "✓",
  running: "●",
  failed: "✕",
  stopped: "‖",
  open: "○",
};

/** All of them; a stage with curves can be chosen. */
export function Stages({
  store,
  chosen,
  choose,
}: {
  readonly store: RunStore;
  readonly chosen: string | undefined;
  readonly choose: (key: string) => void;
}) {
  const { stages = [] } = store.status.value ?? {};
  const keys = [...store.curves.value.keys()];
  return (
    <ol class="stages" aria-label="Stages">
      {stages.map((stage) => {
        const key = keys.findLast((one) => stageName(one) === stage.name);
        return (
          <li key={stage.name} class={stage.state}>
            <span class="mark" aria-hidden="true">
              {MARKS[stage.state]}
            </span>
            {key === undefined ? (
              <span class="name">{stage.name}</span>
            ) : (
              <button
                type="button"
                class="name"
                aria-pressed={key === chosen}
                onClick={() => choose(key)}
                title="Show its curves"
              >
                {stage.name}
              </button>
            )}
            <span class="state">
              {stage.state === "done"
                ? duration(stage.elapsedSeconds)
                : stage.state === "open"
                  ? ""
                  : stage.state}
            </span>
            <Work stage={stage} store={store} stageKey={key} />
          </li>
        );
      })}
    </ol>
  );
}

function Work({
  stage,
  store,
  stageKey,
}: {
  readonly stage: Stage;
  readonly store: RunStore;
  readonly stageKey: string | undefined;
}) {
  if (stage.failure !== null && stage.state !== "done")
    return (
      <p class="failure" role="alert">
        {stage.failure.message}
      </p>
    );
  if (stage.state !== "running") return null;
  const steps = stageKey === undefined ? undefined : stepsOf(store, stageKey);
  return (
    <>
      {steps !== undefined && <Bar {...steps} unit="steps" />}
      {stage.shards.map(({ name, itemsDone, items, perSecond, secondsLeft }) => (
        <Bar
          key={name}
          done={itemsDone}
          of={items}
          rate={perSecond ?? undefined}
          left={secondsLeft ?? undefined}
          unit={name}
        />
      ))}
    </>
  );
}

type Pace = {
  readonly done: number;
  readonly of?: number | undefined;
  readonly rate?: number | undefined;
  readonly left?: number | undefined;
};

function stepsOf(store: RunStore, key: string): Pace | undefined {
  const done = [...(store.curves.value.get(key)?.values() ?? [])][0]?.at(-1)?.[0];
  if (done === undefined) return undefined;
  const of = store.status.value?.planned[key];
  const rate = rateOf(store.pace.value.get(key));
  return { done, of, rate, left: of === undefined || rate === undefined ? undefined : (of - done) / rate };
}

function Bar({ done, of, rate, left, unit }: Pace & { readonly unit: string }) {
  return (
    <div class="work">
      {of !== undefined && <progress max={Math.max(1, of)} value={done} aria-label={unit} />}
      <span>
        {done.toLocaleString("en")}
        {of !== undefined && ` of ${of.toLocaleString("en")}`} {unit}
        {rate !== undefined && ` · ${formatNumber(rate)} a second`}
        {left !== undefined && ` · ${duration(left)} left`}
      </span>
    </div>
  );
}

/** Seconds for people. */
export function duration(seconds: number | null): string {
  if (seconds === null) return "";
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
