/** The audit's page: a suspect judged without its label, then the label, then what becomes of it. */
import { signal } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { visible } from "../../../../base/core/visible.ts";
import { AUDIT_KEYS, type AuditAction } from "../../audit/keys.ts";
import { type KeyRow, keyName } from "../../keys.ts";
import { Dialog } from "../dialog.tsx";
import { PairHead } from "../head.tsx";
import { HelpTable } from "../help.tsx";
import { useKeys } from "../keys.ts";
import { SCROLLS } from "../scrolls.ts";
import { percentOf } from "../shares.ts";
import { Sides } from "../sides.tsx";
import { Texts } from "../texts.tsx";
import { FoundDialog } from "./found.tsx";
import { type AuditStore, createAuditStore } from "./store.ts";

const open = signal<"" | "help" | "found">("");
const isBusy = () => open.value !== "";

/** The page of one audit. */
export function AuditPage({ id }: { readonly id: string }) {
  const store = useMemo(() => createAuditStore(id), [id]);
  const act = useCallback(
    (row: KeyRow<AuditAction>) => {
      if (row.action.kind === "help" || row.action.kind === "found") open.value = row.action.kind;
      else store.act(row);
    },
    [store],
  );
  useEffect(() => {
    store.open();
    return store.close;
  }, [store]);
  useKeys(AUDIT_KEYS, isBusy, act);
  const state = store.state.value;
  useEffect(() => {
    document.title = state === undefined ? "Audit" : `${state.name} · audit`;
  }, [state?.name]);
  const close = () => {
    open.value = "";
  };
  return (
    <main class="ask">
      <PairHead
        name={state?.name}
        done={store.progress.value?.done.size ?? 0}
        total={state?.total ?? 0}
        label="Decided"
        waiting={store.waiting.value.length}
        keeps={store.keeps.value}
      />
      {store.stopped.value !== "" && (
        <p class="stop" role="alert">
          No reviews are taken: {store.stopped.value}
        </p>
      )}
      {state !== undefined && store.place.value === undefined ? (
        <p class="finished">Every suspect is decided. p shows what was found.</p>
      ) : (
        <Suspect store={store} />
      )}
      <Label store={store} />
      <Bar store={store} act={act} />
      {open.value === "help" && (
        <Dialog title="Keys" onClose={close}>
          <HelpTable rows={AUDIT_KEYS} />
          <p class="soft">
            Suspects come likeliest error first. You judge each without knowing its label; then you see it and
            decide.
          </p>
        </Dialog>
      )}
      {open.value === "found" && <FoundDialog store={store} onClose={close} />}
    </main>
  );
}

function Suspect({ store }: { readonly store: AuditStore }) {
  const pair = store.pair.value;
  const label = store.label.value;
  useLayoutEffect(() => {
    if (pair !== undefined) store.shown();
  }, [pair?.place, store.phase.value, label !== undefined]);
  return (
    <div
      class="pair"
      aria-busy={pair === undefined}
      data-place={pair?.place}
      data-phase={label === undefined ? store.phase.value : "shown"}
      data-awake={store.awake.value}
    >
      <section class="prompt" {...SCROLLS} aria-label="Prompt" key={`p${pair?.place}`}>
        {pair && <Texts text={pair.prompt} />}
      </section>
      <Sides pair={pair} mark={label && { side: label.label, text: "the label prefers this" }} />
    </div>
  );
}

function Label({ store }: { readonly store: AuditStore }) {
  const label = store.label.value;
  const isBlind = store.phase.value === "blind";
  if (store.place.value === undefined) return null;
  return (
    <p class="verdict" role="status">
      {isBlind ? (
        <span class="soft">Which response is better? The label is shown after your judgement.</span>
      ) : label === undefined ? (
        <span class="soft">The label is shown as soon as your judgement is saved.</span>
      ) : (
        <>
          You say <b>{label.judged === "tie" ? "neither" : label.judged}</b>, the label says{" "}
          <b>{label.label}</b>. A teacher that never saw this label gives it{" "}
          <b>{percentOf(label.probabilityWrong)}</b> of being wrong.{" "}
          <span class="soft">
            {visible(label.file)}, line {label.line}
            {label.planted && "; the audit had flipped this label to see whether flips are found"}
          </span>
        </>
      )}
    </p>
  );
}

function Bar(props: { readonly store: AuditStore; readonly act: (row: KeyRow<AuditAction>) => void }) {
  const { store, act } = props;
  const isOff = store.stopped.value !== "" || store.pair.value === undefined;
  const kinds: readonly AuditAction["kind"][] =
    store.phase.value === "blind" ? ["judge"] : ["decide", "as-judged"];
  const button = (row: KeyRow<AuditAction>) => {
    const { kind } = row.action;
    const isDisabled =
      kind === "undo"
        ? store.stopped.value !== "" || (store.progress.value?.history.length ?? 0) === 0
        : kind !== "found" &&
          kind !== "help" &&
          (isOff || (kind !== "judge" && store.label.value === undefined));
    return (
      <button
        type="button"
        key={row.name}
        class={`key ${row.name}`}
        disabled={isDisabled}
        title={row.meaning}
        onClick={() => act(row)}
      >
        <kbd>{keyName(row.keys[0]!)}</kbd> {SHORT[row.name] ?? row.name}
      </button>
    );
  };
  const of = (wanted: readonly AuditAction["kind"][]) =>
    AUDIT_KEYS.filter(({ action }) => wanted.includes(action.kind)).map(button);
  return (
    <div class="bar" role="toolbar" aria-label="Judgements and decisions">
      {store.place.value !== undefined && <div class="answers">{of(kinds)}</div>}
      <div class="others">{of(["undo", "found", "help"])}</div>
    </div>
  );
}

const SHORT: Readonly<Record<string, string>> = {
  even: "neither",
  "as-judged": "as judged",
  found: "found so far",
  help: "keys",
};
