/** Everything is answered: what the answers say of how they were given, and how they become labels. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { AskSummary, Folded } from "../../protocol.ts";
import { post } from "../api.ts";
import { follow } from "../router.ts";
import { SCROLLS } from "../scrolls.ts";
import { said } from "../shares.ts";
import type { AskStore } from "./store.ts";

/** Shown in place of a pair. */
export const Finished = ({ store }: { readonly store: AskStore }) =>
  store.kind === "settle" ? <AllSettled id={store.id} /> : <AllAnswered store={store} />;

function AllSettled({ id }: { readonly id: string }) {
  return (
    <div class="finished">
      <h2>Nothing is left to settle</h2>
      <p>
        <a href={`/people/${id}`} onClick={follow}>
          Who answered what, and how it becomes labels
        </a>
      </p>
    </div>
  );
}

function AllAnswered({ store }: { readonly store: AskStore }) {
  const summary = useSignal<AskSummary | undefined>(undefined);
  const folded = useSignal("");
  const failed = useSignal("");
  const waiting = store.waiting.value.length;
  useEffect(() => {
    if (waiting > 0) return;
    post<AskSummary>(`${store.base}/summary`, {}).then(
      (value) => {
        summary.value = value;
      },
      () => {},
    );
  }, [waiting]);
  const fold = async () => {
    failed.value = "";
    folded.value = "…";
    try {
      const { folder, text } = await post<Folded>(`${store.base}/fold`, {});
      folded.value = `${folder}: ${text}`;
    } catch (error) {
      folded.value = "";
      failed.value = error instanceof Error ? error.message : String(error);
    }
  };
  const found = summary.value;
  if (found === undefined) return <div class="finished" aria-busy="true" />;
  const { answered, flagged, repeats, selfAgreement, left, command } = found;
  return (
    <div class="finished">
      <h2>Everything is answered</h2>
      <p>
        {answered.a + answered.b} decided, {answered.tie} {answered.tie === 1 ? "tie" : "ties"},{" "}
        {answered.skip} skipped, {flagged} flagged.
      </p>
      {selfAgreement && (
        <p>
          {repeats === 1 ? "1 pair" : `${repeats} pairs`} came twice, the second time swapped: the same answer
          in {said(selfAgreement)}.
        </p>
      )}
      {left && (
        <p>The left side was chosen in {said(left)} of the decided answers; chance alone gives 50 %.</p>
      )}
      {command !== null && (
        <>
          <p class="actions">
            <button type="button" class="main" onClick={() => void fold()} disabled={folded.value === "…"}>
              Fold into labels
            </button>
          </p>
          <p role="status">{folded.value}</p>
          {failed.value !== "" && <p role="alert">{failed.value}</p>}
          <p class="soft">The same as a command:</p>
          <pre class="command" {...SCROLLS}>
            {command}
          </pre>
        </>
      )}
    </div>
  );
}
