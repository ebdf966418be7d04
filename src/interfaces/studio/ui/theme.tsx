/** Light, dark, or as the system has it. */
import { signal } from "@preact/signals";

type Theme = "auto" | "light" | "dark";
const KEY = "weak-teacher-theme";
const ORDER: readonly Theme[] = ["auto", "light", "dark"];
const theme = signal<Theme>(ORDER.find((name) => name === localStorage.getItem(KEY)) ?? "auto");

const apply = () => {
  if (theme.value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
};
apply();

const next = () => {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length]!;
  localStorage.setItem(KEY, theme.value);
  apply();
};

/** Goes to the next of them. */
export function ThemeButton() {
  return (
    <button type="button" class="quiet" onClick={next} title="Light, dark, or as the system has it">
      {theme.value === "auto" ? "Auto" : theme.value === "light" ? "Light" : "Dark"}
    </button>
  );
}
