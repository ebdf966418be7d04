/** What the opened folders hold. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { StudioReply } from "../protocol.ts";
import { get } from "./api.ts";
import { follow } from "./router.ts";

const reply = signal<StudioReply | undefined>(undefined);

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
        <>
          <h2>Questions to answer</h2>
          <ul class="things">
            {found.opened.map(({ id, name, path }) => (
              <li key={id}>
                <a href={`/ask/${id}`} onClick={follow}>
                  <b>{name}</b> <span class="soft">{path}</span>
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="soft">
        You are {found.person}. Version {found.version}.
      </p>
    </main>
  );
}
