/** What the opened folders hold. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { OpenedThing, StudioReply } from "../protocol.ts";
import { get } from "./api.ts";
import { follow } from "./router.ts";

const reply = signal<StudioReply | undefined>(undefined);

const KINDS = [
  { kind: "run", page: "run", title: "Runs" },
  { kind: "labels", page: "labels", title: "Labels" },
  { kind: "questions", page: "ask", title: "Questions to answer" },
  { kind: "audit", page: "audit", title: "Suspects of audits" },
] as const;

/** The first page. */
export function Home() {
  useEffect(() => {
    document.title = "weak-teacher studio";
    get<StudioReply>("/api/studio").then(
      (value) => {
        reply.value = value;
      },
      () => {},
    );
  }, []);
  const found = reply.value;
  if (found === undefined) return <main class="plain" aria-busy="true" />;
  return (
    <main class="plain">
      <h1>What is here</h1>
      {found.opened.length === 0 ? (
        <p>
          Nothing yet. <code>weak-teacher ask LABELS --out questions</code> makes questions to answer here.
        </p>
      ) : (
        KINDS.map(({ kind, page, title }) => (
          <Things
            key={kind}
            page={page}
            title={title}
            isManager={found.role === "manage"}
            things={found.opened.filter((thing) => thing.kind === kind)}
          />
        ))
      )}
      {found.opened.filter(({ kind }) => kind === "run").length > 1 && (
        <p>
          <a href="/compare" onClick={follow}>
            Runs side by side
          </a>
        </p>
      )}
      {found.role === "manage" && (
        <p>
          <a href="/begin" onClick={follow}>
            Begin a recipe
          </a>
        </p>
      )}
      <p class="soft">
        You are {found.person}. Version {found.version}.
      </p>
    </main>
  );
}

function Things(props: {
  readonly page: string;
  readonly title: string;
  readonly isManager: boolean;
  readonly things: readonly OpenedThing[];
}) {
  const { page, title, things, isManager } = props;
  if (things.length === 0) return null;
  return (
    <>
      <h2>{title}</h2>
      <ul class="things">
        {things.map(({ id, name, path }) => (
          <li key={id}>
            <a href={`/${page}/${id}`} onClick={follow}>
              <b>{name}</b> <span class="soft">{path}</span>
            </a>
            {page === "ask" && isManager && (
              <a class="aside" href={`/people/${id}`} onClick={follow} aria-label={`People at ${name}`}>
                people
              </a>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
