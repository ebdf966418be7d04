/** The key table for people. */
import { type KeyRow, keyName } from "../keys.ts";

/** Keys and what they mean. */
export function HelpTable({ rows }: { readonly rows: readonly KeyRow<unknown>[] }) {
  return (
    <table class="keys">
      <tbody>
        {rows.map(({ name, keys, meaning }) => (
          <tr key={name}>
            <th scope="row">
              {keys.map((key) => (
                <kbd key={key}>{keyName(key)}</kbd>
              ))}
            </th>
            <td>{meaning}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
