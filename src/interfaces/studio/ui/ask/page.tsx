/** The answering page: a prompt, two responses side by side, one key an answer. */
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { KEYS, type KeyRow, rowOfKey } from "../../keys.ts";
import { Dialog } from "../dialog.tsx";
import { SCROLLS } from "../scrolls.ts";
import { Texts } from "../texts.tsx";
import { AnswerBar } from "./bar.tsx";
import { Finished } from "./finished.tsx";
import { HelpTable } from "./help.tsx";
import { NoteDialog } from "./note.tsx";
import { Sides } from "./sides.tsx";
import { type AskKind, type AskStore, createAskStore } from "./store.ts";

type Open = "" | "help" | "guidelines" | "note";
const open = signal<Open>("");

/** The page of one folder of questions. */
export const AskPage = ({ id }: { readonly id: string }) => <Answering id={id} kind="ask" />;

/** The same of the pairs that people answered two ways. */
export const SettlePage = ({ id }: { readonly id: string }) => <Answering id={id} kind="settle" />;

function Answering({ id, kind }: { readonly id: string; readonly kind: AskKind }) {
  const store = useMemo(() => createAskStore(id, kind), [id, kind]);
  const act = (row: KeyRow) => perform(store, row);
  useEffect(() => {
    store.open();
    const onKey = (event: KeyboardEvent) => {
      const row = rowForEvent(event);
      if (row === undefined) return;
      event.preventDefault();
      act(row);
    };
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("keydown", onKey);
      store.close();
    };
  }, [store]);
  const state = store.state.value;
  useEffect(() => {
    document.title =
      state === undefined ? "Questions" : `${state.name} · ${kind === "ask" ? "answering" : "settling"}`;
  }, [state?.name]);
  return (
    <main class="ask">
      <Head store={store} />
      {store.stopped.value !== "" && (
        <p class="stop" role="alert">
          No answers are taken: {store.stopped.value}
        </p>
      )}
      {store.finished.value ? <Finished store={store} /> : <Pair store={store} />}
      <AnswerBar store={store} act={act} />
      <Dialogs store={store} />
    </main>
  );
}

/** The row of a key that is meant for the page: not one held down, not one typed somewhere, not one of a dialog. */
function rowForEvent(event: KeyboardEvent): KeyRow | undefined {
  const { target, repeat, ctrlKey, altKey, metaKey } = event;
  if (repeat || ctrlKey || altKey || metaKey || open.value !== "") return undefined;
  if (target instanceof HTMLElement && target.closest("input, textarea, select, dialog") !== null)
    return undefined;
  return rowOfKey(event);
}

function perform(store: AskStore, { action }: KeyRow): void {
  if (action.kind === "answer") store.answer(action);
  else if (action.kind === "undo") store.undo();
  else if (action.kind === "flag") store.flag();
  else if (action.kind !== "note" || store.pair.value !== undefined) open.value = action.kind;
}

function Head({ store }: { readonly store: AskStore }) {
  const state = store.state.value;
  const aside = state?.aside ?? 0;
  const done = Math.max(0, (store.progress.value?.done.size ?? 0) - aside);
  const waiting = store.waiting.value.length;
  const total = (state?.total ?? 0) - aside;
  return (
    <div class="head">
      <h1>{state?.name ?? "…"}</h1>
      {store.kind === "settle" && <span class="tag">settling</span>}
      <progress max={Math.max(1, total)} value={done} aria-label="Answered" />
      <span class="count">
        {done} of {total}
      </span>
      <span class="saved" role="status">
        {waiting === 0 ? "all saved" : `${waiting} waiting`}
        {!store.keeps.value && waiting > 0 && " (in this tab only: do not close it)"}
      </span>
    </div>
  );
}

function Pair({ store }: { readonly store: AskStore }) {
  const pair = store.pair.value;
  useLayoutEffect(store.shown, [pair?.place]);
  return (
    <div class="pair" aria-busy={pair === undefined} data-place={pair?.place} data-awake={store.awake.value}>
      <section class="prompt" {...SCROLLS} aria-label="Prompt" key={`p${pair?.place}`}>
        {pair && <Texts text={pair.prompt} />}
        {pair?.flagged && <span class="tag">flagged</span>}
        {pair !== undefined && pair.note !== "" && <span class="tag">note: {pair.note}</span>}
      </section>
      <Sides pair={pair} />
    </div>
  );
}

function Dialogs({ store }: { readonly store: AskStore }) {
  const close = () => {
    open.value = "";
  };
  if (open.value === "help")
    return (
      <Dialog title="Keys" onClose={close}>
        <HelpTable rows={KEYS} />
        <p class="soft">Page Up, Page Down and Space scroll both responses.</p>
      </Dialog>
    );
  if (open.value === "guidelines")
    return (
      <Dialog title="Guidelines" onClose={close}>
        <p class="text">{store.state.value?.guidelines ?? DEFAULT_GUIDELINES}</p>
      </Dialog>
    );
  return open.value === "note" ? <NoteDialog store={store} onClose={close} /> : null;
}

const DEFAULT_GUIDELINES = `Which response would you rather have had to this prompt?

Judge what is said, not how long it is. Where you cannot tell, say so: a tie is an answer. Where neither is any good, say both bad. Skip what you cannot judge.

Your own guidelines go into guidelines.md in the folder of the questions.`;
