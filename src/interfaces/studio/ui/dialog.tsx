/** A dialog over the page: the browser keeps the focus in it and closes it at Escape. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Shown as long as it is there. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const self = useRef<HTMLDialogElement>(null);
  useEffect(() => self.current?.showModal(), []);
  return (
    <dialog ref={self} aria-label={title} onClose={onClose}>
      <h2>{title}</h2>
      {children}
      <button type="button" onClick={() => self.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
