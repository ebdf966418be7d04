/**
 * What a person should hear once, from code too deep to be handed a log, such as how a model's config was understood.
 * Whoever runs a command listens; a library that nobody listens to is silent.
 */

type Listener = (text: string) => void;

const listeners = new Map<Listener, Set<string>>();

/** Tells every listener, each once per text. */
export function notice(text: string): void {
  for (const [listener, told] of listeners) {
    if (told.has(text)) continue;
    told.add(text);
    listener(text);
  }
}

/** Listens from now on. @returns ends it */
export function onNotice(listener: Listener): () => void {
  listeners.set(listener, new Set());
  return () => listeners.delete(listener);
}
