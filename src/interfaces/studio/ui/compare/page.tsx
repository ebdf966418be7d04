/** Runs side by side: which, then what `compare` finds of them. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import type { CompareReply, OpenedThing, StudioReply } from "../../protocol.ts";
import { get } from "../api.ts";
import { ReportSection } from "../report-blocks.tsx";
import { follow, go } from "../router.ts";

/** The page. `id`: the ids of runs with commas between, the first is what others are measured against; "" asks which. */
export function ComparePage({ id }: { readonly id: string }) {
  const ids = decodeURIComponent(id)
    .split(",")
    .filter((part) => part !== "");
  useEffect(() => {
    document.title = "Runs side by side";
  }, []);
  return ids.length < 2 ? <Choice chosen={ids} /> : <Comparison ids={ids} />;
}

/** Which runs, in the order in which they are chosen. */
function Choice({ chosen: before }: { readonly chosen: readonly string[] }) {
  const runs = useSignal<readonly OpenedThing[] | undefined>(undefined);
  const chosen = useSignal<readonly string[]>(before);
  useEffect(() => {
    get<StudioReply>("/api/studio").then(
      ({ opened }) => {
        // An audit is a run, too, and has no arms.
        const audits = new Set(opened.filter(({ kind }) => kind === "audit").map((one) => one.id));
        runs.value = opened.filter((one) => one.kind === "run" && !audits.has(one.id));
      },
      () => {},
    );
  }, []);
  if (runs.value === undefined) return <main class="plain" aria-busy="true" />;
  const toggle = (id: string) => {
    const isIn = chosen.value.includes(id);
    chosen.value = isIn ? chosen.value.filter((one) => one !== id) : [...chosen.value, id];
  };
  return (
    <main class="plain">
      <h1>Runs side by side</h1>
      <p>Choose two runs or more. The others are measured against the one that is chosen first.</p>
      <ul class="choices">
        {runs.value.map(({ id, name, path }) => (
          <li key={id}>
            <label>
              <input type="checkbox" checked={chosen.value.includes(id)} onChange={() => toggle(id)} />{" "}
              <b>{visible(name)}</b> <span class="soft">{visible(path)}</span>{" "}
              {chosen.value[0] === id && <span class="tag">the others against this</span>}
            </label>
          </li>
        ))}
      </ul>
      <button
        type="button"
        class="main"
        disabled={chosen.value.length < 2}
        onClick={() => go(`/compare/${chosen.value.join(",")}`)}
      >
        Compare
      </button>
    </main>
  );
}

function Comparison({ ids }: { readonly ids: readonly string[] }) {
  const reply = useSignal<CompareReply | undefined>(undefined);
  const failed = useSignal("");
  const cursor = useSignal<number | undefined>(undefined);
  const query = `runs=${ids.map(encodeURIComponent).join(",")}`;
  useEffect(() => {
    get<CompareReply>(`/api/compare?${query}`).then(
      (value) => {
        reply.value = value;
      },
      (error: unknown) => {
        failed.value = error instanceof Error ? error.message : String(error);
      },
    );
  }, [query]);
  const found = reply.value;
  if (failed.value !== "")
    return (
      <main class="plain">
        <h1>Runs side by side</h1>
        <p class="stop" role="alert">
          {visible(failed.value)}
        </p>
        <p>
          <a href="/compare" onClick={follow}>
            Other runs
          </a>
        </p>
      </main>
    );
  if (found === undefined) return <main class="plain" aria-busy="true" />;
  const { report } = found;
  return (
    <main class="run comparison">
      <div class="head">
        <h1>{found.runs.map(({ name }) => visible(name)).join(", ")}</h1>
        <a class="count" href="/compare" onClick={follow}>
          Other runs
        </a>
        <a class="count" href={`/api/compare/report?${query}`} target="_blank" rel="noreferrer">
          Report
        </a>
      </div>
      <p class="soft">{report.summary !== undefined && visible(report.summary)}</p>
      <div class="headline">
        {report.headline.map((sentence) => (
          <p key={sentence}>{visible(sentence)}</p>
        ))}
        {report.intervalNote !== undefined && <p class="soft">{report.intervalNote}</p>}
      </div>
      {report.warnings.map(({ severity, where, message }) => (
        <p key={message} class="soft">
          <b>{severity}</b> {where !== undefined && `${visible(where)}: `}
          {visible(message)}
        </p>
      ))}
      <p class="against">
        Against{" "}
        {found.runs.map(({ id, name }, i) => (
          <button
            type="button"
            key={id}
            aria-pressed={i === 0}
            onClick={() => go(`/compare/${[id, ...ids.filter((one) => one !== id)].join(",")}`)}
          >
            {visible(name)}
          </button>
        ))}
      </p>
      {report.sections
        .filter(({ id }) => id !== "glossary" && id !== "reproduce")
        .map((section) => (
          <ReportSection key={section.id} section={section} cursor={cursor} />
        ))}
    </main>
  );
}
