/** The answering page: a prompt, two responses side by side, one key an answer. */
import { signal } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { KEYS, type KeyRow } from "../../keys.ts";
import { Dialog } from "../dialog.tsx";
import { PairHead } from "../head.tsx";
import { HelpTable } from "../help.tsx";
import { useKeys } from "../keys.ts";
import { SCROLLS } from "../scrolls.ts";
import { Sides } from "../sides.tsx";
import { Texts } from "../texts.tsx";
import { AnswerBar } from "./bar.tsx";
import { Finished } from "./finished.tsx";
import { NoteDialog } from "./note.tsx";
import { type AskKind, type AskStore, createAskStore } from "./store.ts";

type Open = "" | "help" | "guidelines" | "note";
const open = signal<Open>("");

/** The page of one folder of questions. */
export const AskPage = ({ id }: { readonly id: string }) => <Answering id={id} kind="ask" />;

/** The same of the pairs that people answered two ways. */
export const SettlePage = ({ id }: { readonly id: string }) => <Answering id={id} kind="settle" />;

function Answering({ id, kind }: { readonly id: string; readonly kind: AskKind }) {
  const store = useMemo(() => createAskStore(id, kind), [id, kind]);
  const act = useCallback((row: KeyRow) => perform(store, row), [store]);
  useEffect(() => {
    store.open();
    return store.close;
  }, [store]);
  useKeys(KEYS, isBusy, act);
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

const isBusy = () => open.value !== "";

function perform(store: AskStore, { action }: KeyRow): void {
  if (action.kind === "answer") store.answer(action);
  else if (action.kind === "undo") store.undo();
  else if (action.kind === "flag") store.flag();
  else if (action.kind !== "note" || store.pair.value !== undefined) open.value = action.kind;
}

function Head({ store }: { readonly store: AskStore }) {
  const state = store.state.value;
  const aside = state?.aside ?? 0;
  return (
    <PairHead
      name={state?.name}
      tag={store.kind === "settle" ? "settling" : undefined}
      done={Math.max(0, (store.progress.value?.done.size ?? 0) - aside)}
      total={(state?.total ?? 0) - aside}
      label="Answered"
      waiting={store.waiting.value.length}
      keeps={store.keeps.value}
    />
  );
}

function Pair({ store }: { readonly store: AskStore }) {
  const pair = store.pair.value;
  useLayoutEffect(() => {
    if (pair !== undefined) store.shown();
  }, [pair?.place]);
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
