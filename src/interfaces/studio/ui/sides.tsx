/** The two responses: side by side, scrolled together. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { PairShown } from "../protocol.ts";
import { SCROLLS } from "./scrolls.ts";
import { Texts } from "./texts.tsx";

/** Both panes stay in the page from pair to pair, so that the focus does. `mark`: a word that stands over one of them. */
export function Sides({
  pair,
  mark,
}: {
  readonly pair: Pick<PairShown, "place" | "left" | "right"> | undefined;
  readonly mark?: { readonly side: "left" | "right"; readonly text: string } | undefined;
}) {
  const left = useRef<HTMLElement>(null);
  const right = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    for (const { current } of [left, right]) current?.scrollTo(0, 0);
    if (document.activeElement === document.body) left.current?.focus({ preventScroll: true });
  }, [pair?.place]);
  const along = (from: HTMLElement, to: HTMLElement | null) => {
    const room = from.scrollHeight - from.clientHeight;
    if (to === null || room <= 0) return;
    const at = Math.round((from.scrollTop / room) * (to.scrollHeight - to.clientHeight));
    // The other's own event comes back here and must not move us by a rounding.
    if (Math.abs(to.scrollTop - at) > 1) to.scrollTop = at;
  };
  return (
    <div class="sides">
      <section
        ref={left}
        class="side"
        {...SCROLLS}
        aria-label="Left response"
        onScroll={(event) => along(event.currentTarget, right.current)}
      >
        {mark?.side === "left" && <span class="tag">{mark.text}</span>}
        {pair && <Texts text={pair.left} />}
      </section>
      <section
        ref={right}
        class="side"
        {...SCROLLS}
        aria-label="Right response"
        onScroll={(event) => along(event.currentTarget, left.current)}
      >
        {mark?.side === "right" && <span class="tag">{mark.text}</span>}
        {pair && <Texts text={pair.right} />}
      </section>
    </div>
  );
}
