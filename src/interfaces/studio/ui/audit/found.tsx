/** What was found so far: precision at k against what the audit expected, and the files. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { AuditFound, Corrected } from "../../audit/protocol.ts";
import { post } from "../api.ts";
import { Dialog } from "../dialog.tsx";
import { percentOf, said } from "../shares.ts";
import type { AuditStore } from "./store.ts";

/** Asked for anew each time it is opened. */
export function FoundDialog({
  store,
  onClose,
}: {
  readonly store: AuditStore;
  readonly onClose: () => void;
}) {
  const found = useSignal<AuditFound | undefined>(undefined);
  const copied = useSignal("");
  const failed = useSignal("");
  const waiting = store.waiting.value.length;
  const asked = <T,>(path: string, use: (value: T) => void) =>
    post<T>(`${store.base}/${path}`, {}).then(use, (error: unknown) => {
      copied.value = "";
      failed.value = error instanceof Error ? error.message : String(error);
    });
  useEffect(() => {
    if (waiting > 0) return;
    void asked<AuditFound>("found", (value) => {
      found.value = value;
    });
  }, [waiting]);
  const copy = () => {
    copied.value = "…";
    void asked<Corrected>("corrected", ({ file, text }) => {
      copied.value = `${file}: ${text}`;
    });
  };
  return (
    <Dialog title="Found so far" onClose={onClose}>
      {found.value === undefined ? <p aria-busy="true">…</p> : <Figures found={found.value} />}
      {failed.value !== "" && <p role="alert">{failed.value}</p>}
      <p class="actions">
        <button type="button" class="main" onClick={copy} disabled={copied.value === "…"}>
          Write a corrected copy
        </button>
      </p>
      <p role="status" class="soft">
        {copied.value}
      </p>
    </Dialog>
  );
}

function Figures({ found }: { readonly found: AuditFound }) {
  const { decided, precisionAt, blindAgainst, plantedFound, file } = found;
  return (
    <>
      <p>
        {decided.keep} kept, {decided.flip} flipped, {decided.tie} {decided.tie === 1 ? "tie" : "ties"},{" "}
        {decided.drop} dropped.
      </p>
      {precisionAt.length === 0 ? (
        <p class="soft">Nothing is decided of the first suspect on.</p>
      ) : (
        <table class="figures-table">
          <thead>
            <tr>
              <th scope="col">first</th>
              <th scope="col">labels that were wrong</th>
              <th scope="col">the audit expected</th>
            </tr>
          </thead>
          <tbody>
            {precisionAt.map(({ k, precision, expected }) => (
              <tr key={k}>
                <th scope="row">{k}</th>
                <td>{precision === null ? "all dropped" : said(precision)}</td>
                <td>{expected === null ? "" : percentOf(expected)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {blindAgainst && <p>Judged without knowing the label, against it: {said(blindAgainst)}.</p>}
      {plantedFound && <p>Planted flips that you judged against: {said(plantedFound)}.</p>}
      <p class="soft">
        A flip is a wrong label, a tie half of one; dropped pairs and planted flips are not counted. These are
        the likeliest errors: their share is not that of the whole file. Reviews are in {file}.
      </p>
    </>
  );
}
