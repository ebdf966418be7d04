/** Keeps secrets out of what is printed or written: keys in addresses, bearer tokens, and the values of variables that hold keys. */

const MASK = "***";

/** Forms that are secrets whatever their value: user and password of an address, keys in its query, bearer tokens, known prefixes. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:"']+(?::[^\s/@"']*)?@/gi, `$1${MASK}@`],
  [/([?&](?:[\w-]*(?:key|token|secret|password|signature))=)[^&\s"'#]+/gi, `$1${MASK}`],
  [/\b(Bearer\s+)[\w.~+/-]{8,}=*/gi, `$1${MASK}`],
  [/\b(?:hf|sk|ghp|gho|xoxb)[_-][\w-]{16,}/g, MASK],
];

/** Names of environment variables whose values are secrets. */
const SECRET_NAME = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS)$/i;
/** Shorter values are words that may stand anywhere. */
const LEAST = 8;

/**
 * A text with every secret in it masked.
 * @param environment - its variables named like keys are searched for by value
 */
export function redact(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  let safe = text;
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && value.length >= LEAST && SECRET_NAME.test(name) && safe.includes(value))
      safe = safe.replaceAll(value, MASK);
  for (const [form, mask] of FORMS) safe = safe.replace(form, mask);
  return safe;
}

/** True when a text holds a secret by its form, or the value of a variable that holds one. */
export const holdsSecret = (text: string): boolean => redact(text) !== text;
