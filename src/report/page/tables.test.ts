import { expect, test } from "vitest";
import { tableHtml } from "./tables.ts";

test("a cell of many words has room for some on a line; a short one, a number and a column's title have none", () => {
  const words = "half of what people's labels gain over the start";
  const { markup: page } = tableHtml({
    columns: [
      { title: `comparison, ${words}`, format: "text" },
      { title: "margin", format: "text" },
      { title: "p", format: "p" },
    ],
    rows: [["weak - human", words, 0.27]],
  })!;
  expect(page).toContain(`<td class="long">${words.replace("'", "&#39;")}</td>`);
  expect(page.match(/class="long"/g)).toHaveLength(1);
});
