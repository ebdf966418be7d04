/** A note on the pair that is shown. */
import { useRef } from "preact/hooks";
import { Dialog } from "../dialog.tsx";
import type { AskStore } from "./store.ts";

/** Kept when the dialog closes, however it is closed. */
export function NoteDialog({ store, onClose }: { readonly store: AskStore; readonly onClose: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const close = () => {
    store.note(field.current?.value ?? "");
    onClose();
  };
  return (
    <Dialog title="Note" onClose={close}>
      <textarea
        ref={field}
        aria-label="Note on this pair"
        rows={5}
        maxLength={10_000}
        defaultValue={store.pair.value?.note ?? ""}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey))
            event.currentTarget.closest("dialog")?.close();
        }}
      />
    </Dialog>
  );
}
