/** Beginning a recipe: a data file, how it is understood, two models, the recipe's text and the command that runs it. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import type { BeginReply, BegunRecipe, UnderstoodData } from "../../protocol.ts";
import { get, post } from "../api.ts";
import { SCROLLS } from "../scrolls.ts";

const EMPTY: BeginReply = { data: [], models: [] };

/** The page. */
export function BeginPage() {
  const here = useSignal(EMPTY);
  const data = useSignal("");
  const understood = useSignal<{ readonly data: string; readonly text: string } | undefined>(undefined);
  const failed = useSignal("");
  const busy = useSignal(false);
  const look = (path: string) => {
    data.value = path;
    understood.value = undefined;
    failed.value = "";
    busy.value = true;
    post<UnderstoodData>("/api/begin/data", { data: path })
      .then(
        ({ text }) => {
          understood.value = { data: path, text };
        },
        (error: unknown) => {
          failed.value = messageIn(error);
        },
      )
      .finally(() => {
        busy.value = false;
      });
  };
  useEffect(() => {
    document.title = "Begin a recipe";
    get<BeginReply>("/api/begin").then(
      (value) => {
        here.value = value;
      },
      (error: unknown) => {
        failed.value = messageIn(error);
      },
    );
  }, []);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    // A browser tells no path: the file is known again by name and size.
    const same = here.value.data.filter(
      ({ path, bytes }) => path.split(/[\\/]/).at(-1) === file.name && bytes === file.size,
    );
    if (same.length === 1) return look(same[0]!.path);
    failed.value = `${file.name}: ${same.length === 0 ? "is not found in" : `is ${same.length} files of`} the opened folders. Nothing is uploaded: give its path.`;
  };
  return (
    <main class="plain begin" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <h1>Begin a recipe</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          look(data.value);
        }}
      >
        <Choice
          label="Preferences, a file of the opened folders"
          value={data}
          names={here.value.data.map(({ path }) => path)}
        />
        <button type="submit" disabled={data.value === "" || busy.value}>
          Show how it is understood
        </button>
        <p class="soft">Or drop the file here; it stays where it is.</p>
      </form>
      <p role="status">{busy.value ? "Reading…" : ""}</p>
      {failed.value !== "" && <p role="alert">{visible(failed.value)}</p>}
      {understood.value !== undefined && (
        <>
          <h2>How it is understood</h2>
          <pre class="understood" {...SCROLLS}>
            {visible(understood.value.text)}
          </pre>
          <Recipe key={understood.value.data} data={understood.value.data} models={here.value.models} />
        </>
      )}
    </main>
  );
}

/** A path, typed or out of those that were found. */
function Choice(props: {
  readonly label: string;
  readonly value: Signal<string>;
  readonly names: readonly string[];
}) {
  const { label, value, names } = props;
  const list = `of ${label}`.replaceAll(/\W+/g, "-");
  return (
    <label class="choice">
      {label}{" "}
      <input
        list={list}
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
      />
      <datalist id={list}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}

function Recipe({ data, models }: { readonly data: string; readonly models: readonly string[] }) {
  const weak = useSignal("");
  const student = useSignal("");
  const name = useSignal("recipe.yaml");
  const made = useSignal<{ readonly of: object; readonly reply: BegunRecipe } | undefined>(undefined);
  const failed = useSignal("");
  const busy = useSignal(false);
  const asked = { data, weak: weak.value, student: student.value, name: name.value };
  // What is written is what is shown, whatever was typed since.
  const ask = (what: "recipe" | "write", of: object) => {
    failed.value = "";
    if (what === "recipe") made.value = undefined;
    busy.value = true;
    post<BegunRecipe>(`/api/begin/${what}`, of)
      .then(
        (reply) => {
          made.value = { of, reply };
        },
        (error: unknown) => {
          failed.value = messageIn(error);
        },
      )
      .finally(() => {
        busy.value = false;
      });
  };
  const names = [...models, "stories15M"];
  const found = made.value?.reply;
  return (
    <>
      <h2>Models</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ask("recipe", asked);
        }}
      >
        <Choice label="Weak: the teacher's base" value={weak} names={names} />
        <Choice label="Student's base" value={student} names={names} />
        <Choice label="Name of the recipe's file" value={name} names={[]} />
        <button type="submit" disabled={weak.value === "" || student.value === "" || busy.value}>
          Make the recipe
        </button>
      </form>
      <p role="status">{busy.value ? "Making…" : ""}</p>
      {failed.value !== "" && <p role="alert">{visible(failed.value)}</p>}
      {found !== undefined && (
        <>
          <h2>Recipe</h2>
          {found.warning !== null && <p>{visible(found.warning)}</p>}
          <pre class="recipe" {...SCROLLS}>
            {visible(found.text)}
          </pre>
          {found.written ? (
            <p>Written: {visible(found.file)}</p>
          ) : (
            <button
              type="button"
              class="main"
              disabled={busy.value}
              onClick={() => ask("write", made.value!.of)}
            >
              Write it beside the data
            </button>
          )}
          <p class="soft">Once it is written:</p>
          <pre class="command" {...SCROLLS}>
            {found.command}
          </pre>
        </>
      )}
    </>
  );
}

const messageIn = (error: unknown): string => (error instanceof Error ? error.message : String(error));
