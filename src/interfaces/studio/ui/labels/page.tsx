/** Labels: which there are, how sure, and each with its pair. A million of them scroll. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import type { LabelPair, LabelsReply } from "../../protocol.ts";
import { get } from "../api.ts";
import { Texts } from "../texts.tsx";
import { LabelList } from "./list.tsx";

/** The page of one folder of labels. */
export function LabelsPage({ id }: { readonly id: string }) {
  const base = `/api/labels/${encodeURIComponent(id)}`;
  const filter = useSignal<Readonly<Record<string, string>>>({});
  const reply = useSignal<LabelsReply | undefined>(undefined);
  const shown = useSignal<number | undefined>(undefined);
  const failed = useSignal("");
  const query = useMemo(() => new URLSearchParams(filter.value).toString(), [filter.value]);
  useEffect(() => {
    let isLate = false;
    get<LabelsReply>(`${base}?${query}`).then(
      (value) => {
        if (isLate) return;
        reply.value = value;
        document.title = `${value.name} · labels`;
      },
      (error: unknown) => {
        failed.value = error instanceof Error ? error.message : String(error);
      },
    );
    return () => {
      isLate = true;
    };
  }, [base, query]);
  const set = (change: Readonly<Record<string, string>>) => {
    const next = Object.entries({ ...filter.value, ...change }).filter(([, value]) => value !== "");
    filter.value = Object.fromEntries(next);
    shown.value = undefined;
  };
  const found = reply.value;
  return (
    <main class="labels">
      <div class="head">
        <h1>{found?.name ?? "…"}</h1>
        <span class="count" role="status">
          {found === undefined
            ? "reading"
            : `${found.found.toLocaleString("en")} of ${found.total.toLocaleString("en")} labels`}
        </span>
        <a class="count" href={`${base}/ids?${query}`} download="ids.jsonl">
          Ids as a file
        </a>
      </div>
      {failed.value !== "" && (
        <p class="stop" role="alert">
          {failed.value}
        </p>
      )}
      {found !== undefined && <Filters reply={found} filter={filter.value} set={set} />}
      <div class={shown.value === undefined ? "labels-body" : "labels-body with-pair"}>
        {found !== undefined && (
          <LabelList
            key={query}
            base={base}
            query={query}
            total={found.found}
            shown={shown.value}
            show={(row) => {
              shown.value = row;
            }}
          />
        )}
        {shown.value !== undefined && <Pair key={shown.value} base={base} row={shown.value} />}
      </div>
    </main>
  );
}

const SELECTS = [
  {
    name: "preferred",
    label: "Prefers",
    options: [
      ["", "anything"],
      ["a,b", "a side"],
      ["a", "a"],
      ["b", "b"],
      ["tie", "tie"],
      ["abstain", "abstains"],
    ],
  },
  {
    name: "trained",
    label: "Trained on",
    options: [
      ["", "or not"],
      ["true", "yes"],
      ["false", "no"],
    ],
  },
  {
    name: "sort",
    label: "Order",
    options: [
      ["", "of the file"],
      ["sure", "surest first"],
      ["unsure", "least sure first"],
    ],
  },
] as const;

function Filters(props: {
  readonly reply: LabelsReply;
  readonly filter: Readonly<Record<string, string>>;
  readonly set: (change: Readonly<Record<string, string>>) => void;
}) {
  const { reply, filter, set } = props;
  const flags = {
    name: "flag",
    label: "Flag",
    options: [["", "any or none"], ...reply.flags.map((flag) => [flag, flag] as const)],
  } as const;
  return (
    <div class="filters">
      {[...SELECTS, flags].map(({ name, label, options }) => (
        <label key={name}>
          {label}{" "}
          <select value={filter[name] ?? ""} onChange={(event) => set({ [name]: event.currentTarget.value })}>
            {options.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      ))}
      <Histogram counts={reply.counts} filter={filter} set={set} />
    </div>
  );
}

/** Bars that are filters: a press shows the labels of one bar, another press all again. */
function Histogram({
  counts,
  filter,
  set,
}: {
  readonly counts: readonly number[];
  readonly filter: Readonly<Record<string, string>>;
  readonly set: (change: Readonly<Record<string, string>>) => void;
}) {
  const most = Math.max(1, ...counts);
  const edge = (i: number) => (0.5 + i / (2 * counts.length)).toFixed(3);
  const isOn = filter["low"] !== undefined;
  return (
    <fieldset class="histogram">
      <legend>
        Probability of the likelier side, 0.5 to 1{isOn && " (a rate under this filter is not the pool's)"}
      </legend>
      <div class="bars">
        {counts.map((count, i) => (
          <button
            type="button"
            key={edge(i)}
            aria-label={`${edge(i)} to ${edge(i + 1)}: ${count} labels`}
            aria-pressed={filter["low"] === edge(i)}
            title={`${edge(i)} to ${edge(i + 1)}: ${count}`}
            onClick={() =>
              set(filter["low"] === edge(i) ? { low: "", high: "" } : { low: edge(i), high: edge(i + 1) })
            }
          >
            <span style={{ height: `${count === 0 ? 0 : Math.max(4, (100 * count) / most)}%` }} />
          </button>
        ))}
      </div>
    </fieldset>
  );
}

function Pair({ base, row }: { readonly base: string; readonly row: number }) {
  const pair = useSignal<LabelPair | undefined>(undefined);
  useEffect(() => {
    get<LabelPair>(`${base}/pair/${row}`).then(
      (value) => {
        pair.value = value;
      },
      () => {},
    );
  }, [base, row]);
  const found = pair.value;
  if (found === undefined) return <section class="label-pair" aria-busy="true" aria-label="Pair" />;
  const { id, preferred, pA, pChosen, margin, flags, teacher, texts } = found;
  return (
    <section class="label-pair" aria-label="Pair">
      <h2>{visible(id)}</h2>
      <p class="soft">
        prefers {preferred}; P(a) {pA.toFixed(3)}
        {pChosen !== null && `, of the preferred side ${pChosen.toFixed(3)}`}
        {margin !== null && `; margin ${margin.toPrecision(4)}`}
        {flags.length > 0 && `; ${flags.join(", ")}`}; by {visible(teacher)}
      </p>
      {texts === null ? (
        <p>This pair is not trained on; its texts are in the pool.</p>
      ) : (
        <>
          <h3>Prompt</h3>
          <Texts text={texts.prompt} />
          <h3>Preferred</h3>
          <Texts text={texts.chosen} />
          <h3>Other</h3>
          <Texts text={texts.rejected} />
        </>
      )}
    </section>
  );
}
