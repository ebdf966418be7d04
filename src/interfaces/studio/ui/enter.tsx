/** Who comes without a session says who they are by their token. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { post } from "./api.ts";

/** Shown over whatever page was asked for; what it holds stays, and goes on when the person is in. */
export function Enter() {
  const field = useRef<HTMLInputElement>(null);
  const failed = useSignal("");
  const enter = async (event: Event) => {
    event.preventDefault();
    failed.value = "";
    try {
      await post("/api/enter", { token: field.current?.value ?? "" });
      // What waits in an open page is in the browser's database.
      location.reload();
    } catch (error) {
      failed.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <form class="enter" aria-label="Enter" onSubmit={(event) => void enter(event)}>
      <label>
        Your token <input ref={field} type="password" autocomplete="current-password" required />
      </label>
      <button type="submit" class="main">
        Enter
      </button>
      {failed.value !== "" && <span role="alert">{failed.value}</span>}
    </form>
  );
}
