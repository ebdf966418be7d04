/**
 * Work that is stopped when it takes too long: also a regular expression, which looks at no signal and lets nobody else work. The engine
 * itself is interrupted from another thread, at the price of a tenth of a millisecond.
 */
import { createContext, Script } from "node:vm";

const context = createContext({ work: undefined });
const script = new Script("work()");

/** The work took longer than it may. */
export class TimeLimitError extends Error {
  /** The limit, ms. */
  readonly ms: number;
  constructor(ms: number) {
    super(`took longer than ${ms} ms`);
    this.name = "TimeLimitError";
    this.ms = ms;
  }
}

/**
 * Does some work that does not wait for anything.
 * @throws TimeLimitError when it is not done in `ms`; what the work throws
 */
export function withinTime<T>(ms: number, work: () => T): T {
  // What the work throws is carried out by hand: an error of the other context would be no Error here.
  let thrown: { readonly error: unknown } | undefined;
  context.work = () => {
    try {
      return work();
    } catch (error) {
      thrown = { error };
      return undefined;
    }
  };
  let result: T;
  try {
    result = script.runInContext(context, { timeout: ms }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT")
      throw new TimeLimitError(ms);
    throw error;
  } finally {
    context.work = undefined;
  }
  if (thrown !== undefined) throw thrown.error;
  return result;
}
