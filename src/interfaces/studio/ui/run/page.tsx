/** A run, live: its stages, the curves of one of them, what it says, its recipe. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import { LineFigure } from "../chart.tsx";
import { SCROLLS } from "../scrolls.ts";
import { chartsOf, stageName } from "./curves.ts";
import { Stages } from "./stages.tsx";
import { createRunStore, type RunStore } from "./store.ts";

/** The page of one run. */
export function RunPage({ id }: { readonly id: string }) {
  const store = useMemo(() => createRunStore(id), [id]);
  const picked = useSignal<string | undefined>(undefined);
  useEffect(() => {
    store.open();
    return store.close;
  }, [store]);
  const run = store.run.value;
  useEffect(() => {
    document.title = run === undefined ? "Run" : `${run.name} · run`;
  }, [run?.name]);
  const chosen = picked.value ?? atWork(store);
  const { stages = [], planProblem = null, hasReport = false } = store.status.value ?? {};
  const count = (state: string) => stages.filter((stage) => stage.state === state).length;
  return (
    <main class="run">
      <div class="head">
        <h1>{run?.name ?? "…"}</h1>
        <span class="count">
          {count("done")} of {stages.length} stages done
        </span>
        {hasReport && (
          <a class="count" href={`${store.base}/report`} target="_blank" rel="noreferrer">
            Report
          </a>
        )}
      </div>
      {store.failed.value !== "" && (
        <p class="stop" role="alert">
          {store.failed.value}
        </p>
      )}
      <div class="run-body">
        <div>
          <Stages
            store={store}
            chosen={chosen}
            choose={(key) => {
              picked.value = key;
            }}
          />
          {planProblem !== null && <p class="soft">What is to come is not known: {visible(planProblem)}</p>}
        </div>
        <div class="run-main">
          {chosen !== undefined && <Curves store={store} stage={chosen} />}
          <h2>Log</h2>
          <Log lines={store.log.value} />
          <details>
            <summary>Recipe as resolved</summary>
            <pre class="text-block" {...SCROLLS}>
              {visible(run?.recipe ?? "")}
            </pre>
          </details>
        </div>
      </div>
    </main>
  );
}

/** The stage whose curves one wants to see: the one at work, else the last that has some. */
function atWork(store: RunStore): string | undefined {
  const keys = [...store.curves.value].filter(([, curves]) => curves.size > 0).map(([key]) => key);
  const running = store.status.value?.stages
    .filter(({ state }) => state === "running")
    .map(({ name }) => name);
  const order = store.status.value?.stages.map(({ name }) => name) ?? [];
  return (
    keys.findLast((key) => running?.includes(stageName(key))) ??
    keys.toSorted((a, b) => order.indexOf(stageName(a)) - order.indexOf(stageName(b))).at(-1)
  );
}

function Curves({ store, stage }: { readonly store: RunStore; readonly stage: string }) {
  const cursor = useSignal<number | undefined>(undefined);
  const own = store.curves.value.get(stage);
  const charts = useMemo(() => (own === undefined ? [] : chartsOf(stage, own)), [stage, own]);
  return (
    <section aria-label={`Curves of ${stageName(stage)}`}>
      <h2>{stageName(stage)}</h2>
      <div class="figures">
        {charts.map((spec) => (
          <LineFigure key={spec.title} spec={spec} cursor={cursor} />
        ))}
      </div>
    </section>
  );
}

function Log({ lines }: { readonly lines: readonly string[] }) {
  return lines.length === 0 ? (
    <p class="soft">Nothing yet. Runs of this version keep what they say in run.log.</p>
  ) : (
    <pre class="text-block log" {...SCROLLS}>
      {visible(lines.slice(-200).join("\n"))}
    </pre>
  );
}
