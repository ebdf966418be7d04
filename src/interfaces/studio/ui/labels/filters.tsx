/** What labels are chosen by: selections, a text, and histograms whose bars are buttons. */
import { useEffect, useRef } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import type { LabelsReply, ShownHistogram } from "../../protocol.ts";

/** What is chosen, as it goes into the address of a request. */
export type Filter = Readonly<Record<string, string>>;
/** Labels that are there. */
export type FoundReply = Exclude<LabelsReply, { readonly reading: number }>;

type Options = readonly (readonly [value: string, text: string])[];
type Select = { readonly name: string; readonly label: string; readonly options: Options };

const YES_NO: Options = [
  ["", "or not"],
  ["true", "yes"],
  ["false", "no"],
];
const SELECTS: readonly Select[] = [
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
  { name: "trained", label: "Trained on", options: YES_NO },
  { name: "selected", label: "Selected", options: YES_NO },
  {
    name: "sort",
    label: "Order",
    options: [
      ["", "of the file"],
      ["sure", "surest first"],
      ["unsure", "least sure first"],
    ],
  },
];
const PEOPLE: Select = {
  name: "people",
  label: "People",
  options: [
    ["", "judged or not"],
    ["any", "judged"],
    ["other", "say otherwise"],
    ["same", "say the same"],
  ],
};

/** All of them. `set` changes some; "" takes one out. */
export function Filters(props: {
  readonly reply: FoundReply;
  readonly filter: Filter;
  readonly set: (change: Filter) => void;
}) {
  const { reply, filter, set } = props;
  const named = (name: string, label: string, values: readonly string[], all: string): Select => ({
    ...{ name, label },
    options: [["", all], ...values.map((value) => [value, visible(value)] as const)],
  });
  const selects = [
    ...SELECTS,
    named("flag", "Flag", reply.flags, "any or none"),
    ...(reply.sources.length > 1 ? [named("source", "By", reply.sources, "anybody")] : []),
    ...(reply.hasPeople ? [PEOPLE] : []),
  ];
  const { p, margin, gap } = reply.histograms;
  const isBounded = ["p", "margin", "gap"].some((name) => filter[name] !== undefined);
  return (
    <div class="filters">
      <Search filter={filter} set={set} lacksTexts={reply.lacksTexts} />
      {selects.map(({ name, label, options }) => (
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
      {p && <Bars name="p" title="Probability of the likelier side" digits={3} {...{ of: p, filter, set }} />}
      {margin && (
        <Bars name="margin" title="Margin, absolute" digits={2} isOpen {...{ of: margin, filter, set }} />
      )}
      {gap && (
        <Bars
          name="gap"
          title="Characters more than the other"
          digits={0}
          isOpen
          {...{ of: gap, filter, set }}
        />
      )}
      {isBounded && <p class="soft">A rate under this filter is not the pool's.</p>}
    </div>
  );
}

/** How long a person pauses who has typed what they look for, ms. */
const TYPED_MS = 300;

function Search(props: {
  readonly filter: Filter;
  readonly set: (change: Filter) => void;
  readonly lacksTexts: boolean;
}) {
  const { filter, set, lacksTexts } = props;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const look = (text: string) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set({ text }), TYPED_MS);
  };
  return (
    <label title={lacksTexts ? "Of pairs that are not trained on there are no texts here." : undefined}>
      Text{" "}
      <input
        type="search"
        defaultValue={filter["text"] ?? ""}
        maxLength={200}
        onInput={(event) => look(event.currentTarget.value)}
      />
    </label>
  );
}

/** A histogram: a press shows the labels of one bar, another press all again. `isOpen`: the bars at its ends hold what lies beyond. */
function Bars(props: {
  readonly name: string;
  readonly title: string;
  readonly digits: number;
  readonly isOpen?: boolean;
  readonly of: ShownHistogram;
  readonly filter: Filter;
  readonly set: (change: Filter) => void;
}) {
  const { name, title, digits, isOpen = false, of, filter, set } = props;
  const { low, high, counts } = of;
  const most = Math.max(1, ...counts);
  const edge = (i: number) => low + (i * (high - low)) / counts.length;
  const bound = (i: number) =>
    isOpen && i === 0 && low < 0 ? "-1e15" : isOpen && i === counts.length ? "1e15" : `${edge(i)}`;
  return (
    <fieldset class="histogram">
      <legend>
        {title}, {edge(0).toFixed(digits)} to {edge(counts.length).toFixed(digits)}
      </legend>
      <div class="bars">
        {counts.map((count, i) => {
          const value = `${bound(i)},${bound(i + 1)}`;
          const words = `${edge(i).toFixed(digits)} to ${edge(i + 1).toFixed(digits)}`;
          return (
            <button
              type="button"
              key={value}
              aria-label={`${words}: ${count} labels`}
              aria-pressed={filter[name] === value}
              title={`${words}: ${count}`}
              onClick={() => set({ [name]: filter[name] === value ? "" : value })}
            >
              <span style={{ height: `${count === 0 ? 0 : Math.max(4, (100 * count) / most)}%` }} />
            </button>
          );
        })}
      </div>
    </fieldset>
  );
}
