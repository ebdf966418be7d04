/** Labels: which there are, how sure, and each with its pair. A million of them scroll. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { LabelsReply } from "../../protocol.ts";
import { get } from "../api.ts";
import { said } from "../shares.ts";
import { type Filter, Filters, type FoundReply } from "./filters.tsx";
import { LabelList } from "./list.tsx";
import { Pair } from "./pair.tsx";

/** How soon to ask again while labels are read or texts are looked through, ms. */
const AGAIN_MS = 250;

/** The page of one folder of labels. */
export function LabelsPage({ id }: { readonly id: string }) {
  const base = `/api/labels/${encodeURIComponent(id)}`;
  const filter = useSignal<Filter>({});
  const reply = useSignal<FoundReply | undefined>(undefined);
  const reading = useSignal(0);
  const shown = useSignal<number | undefined>(undefined);
  const failed = useSignal("");
  const query = useMemo(() => new URLSearchParams(filter.value).toString(), [filter.value]);
  useEffect(() => {
    let isLate = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () =>
      get<LabelsReply>(`${base}?${query}`).then(
        (value) => {
          if (isLate) return;
          failed.value = "";
          if ("reading" in value) reading.value = value.reading;
          else {
            reply.value = value;
            document.title = `${value.name} · labels`;
          }
          if ("reading" in value || (value.searched ?? 1) < 1) timer = setTimeout(ask, AGAIN_MS);
        },
        (error: unknown) => {
          if (!isLate) failed.value = error instanceof Error ? error.message : String(error);
        },
      );
    ask();
    return () => {
      isLate = true;
      clearTimeout(timer);
    };
  }, [base, query]);
  const set = (change: Filter) => {
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
          {found === undefined ? `reading, ${Math.floor(100 * reading.value)} %` : countOf(found)}
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
            // In another order than the file's, what a search finds comes in between.
            key={filter.value["sort"] === undefined ? query : `${query} ${found.found}`}
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

function countOf({ found, total, searched, agreement }: FoundReply): string {
  const parts = [`${found.toLocaleString("en")} of ${total.toLocaleString("en")} labels`];
  if (searched !== null && searched < 1) parts.push(`searching, ${Math.floor(100 * searched)} %`);
  if (agreement !== null) parts.push(`with people in ${said(agreement)}`);
  return parts.join("; ");
}
