/** Texts of data and models: text and nothing else, hidden characters spelled out. */
import { visible } from "../../../base/core/visible.ts";
import type { ShownText } from "../protocol.ts";

/** A text, or the turns of a conversation with their roles. */
export function Texts({ text }: { readonly text: ShownText }) {
  if (typeof text === "string") return <Said text={text} />;
  return (
    <>
      {text.map(({ role, content }, i) => (
        <div class="turn" key={i}>
          <span class="role">{visible(role)}</span>
          <Said text={content} />
        </div>
      ))}
    </>
  );
}

function Said({ text }: { readonly text: string }) {
  return text.trim() === "" ? (
    <p class="text soft">(empty)</p>
  ) : (
    <p class="text" dir="auto">
      {visible(text)}
    </p>
  );
}
