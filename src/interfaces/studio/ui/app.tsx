/** The frame of every page: where one is, who one is, and what is wrong with the server. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { connection, otherBuild } from "./api.ts";
import { Enter } from "./enter.tsx";
import { Home } from "./home.tsx";
import { follow, path } from "./router.ts";
import { ThemeButton } from "./theme.tsx";

type Page = ComponentType<{ readonly id: string }>;

/** Pages by the first part of the address; each is fetched when it is opened. */
const PAGES: Readonly<Record<string, () => Promise<Page>>> = {
  labels: async () => (await import("./labels/page.tsx")).LabelsPage,
  run: async () => (await import("./run/page.tsx")).RunPage,
  compare: async () => (await import("./compare/page.tsx")).ComparePage,
  begin: async () => (await import("./begin/page.tsx")).BeginPage,
  audit: async () => (await import("./audit/page.tsx")).AuditPage,
  ask: async () => (await import("./ask/page.tsx")).AskPage,
  settle: async () => (await import("./ask/page.tsx")).SettlePage,
  people: async () => (await import("./people/page.tsx")).PeoplePage,
};

const loaded = signal<Readonly<Record<string, Page>>>({});

/** The whole page. */
export function App() {
  const [, name = "", id = ""] = path.value.split("/");
  const load = PAGES[name];
  // A comparison begins without any: its page asks which runs. A recipe begins with nothing.
  const isWhole = id !== "" || name === "compare" || name === "begin";
  useEffect(() => {
    if (load !== undefined && loaded.value[name] === undefined)
      load().then((page) => {
        loaded.value = { ...loaded.value, [name]: page };
      });
  }, [name]);
  const Shown = loaded.value[name];
  return (
    <>
      <header class="top">
        <a class="brand" href="/" onClick={follow}>
          weak-teacher <span>studio</span>
        </a>
        <Notice />
        <ThemeButton />
      </header>
      {connection.value === "token" && <Enter />}
      {Shown !== undefined && isWhole ? (
        <Shown key={path.value} id={id} />
      ) : load !== undefined && isWhole ? (
        <main class="plain" aria-busy="true" />
      ) : (
        <Home />
      )}
    </>
  );
}

function Notice() {
  const text =
    connection.value === "session"
      ? "This studio does not know this browser. Open the address that weak-teacher studio printed."
      : connection.value === "away"
        ? "The studio does not answer. What you do is kept in this browser until it does."
        : otherBuild.value
          ? "The studio was updated. Reload the page."
          : "";
  return (
    <p class="notice" role="status">
      {text}
    </p>
  );
}
