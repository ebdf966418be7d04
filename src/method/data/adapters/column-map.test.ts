import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ColumnMap, formatColumnMap, parseColumnMap } from "./column-map.ts";

describe("the grammar", () => {
  test("quotes hold any name; several columns and values are parted", () => {
    expect(
      parseColumnMap('prompt="a+b, c"+d,a=x 1,b="say ""y""",label=p;"q;r",values=A>B:a;A=B:tie;"x:y":b'),
    ).toEqual({
      prompt: ["a+b, c", "d"],
      response_a: "x 1",
      response_b: 'say "y"',
      label: ["p", "q;r"],
      values: { "A>B": "a", "A=B": "tie", "x:y": "b" },
    });
  });

  test("any map comes back from its text", () => {
    const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes("\n"));
    const names = fc.array(name, { minLength: 1, maxLength: 3 });
    const values = fc.uniqueArray(name, { minLength: 2, maxLength: 4, selector: (one) => one.toLowerCase() });
    const map = fc.record({ prompt: names, response_a: name, response_b: name, label: names, values });
    fc.assert(
      fc.property(map, ({ prompt, values: list, ...rest }) => {
        const meanings = Object.fromEntries(
          list.map((one, i) => [one, i === 0 ? "a" : i === 1 ? "b" : "tie"]),
        );
        const full = {
          ...rest,
          prompt: prompt.length === 1 ? prompt[0] : prompt,
          values: meanings,
        } as ColumnMap;
        expect(parseColumnMap(formatColumnMap(full))).toEqual(full);
      }),
    );
  });

  test.each([
    ["prompt=p,a=x,b=y,values=1:a;2:b", /values has no effect without label/],
    ["prompt=p,chosen=x,rejected=y,label=l", /label needs a and b/],
    ["a=x,b=y,label=l", /a label needs prompt/],
    ["prompt=p,a=x,b=y,label=l,values=1:a;2:c", /"2:c" is no meaning, expected value:a/],
    ["prompt=p,a=x,b=y,label=l,values=1:a;1:b", /"1" is given twice/],
    ["prompt=p,a=x,b=y,label=l,values=1:a;0:tie", /needs a value that says a and one that says b/],
    ["prompt=p,a=x,response_a=z,b=y", /"response_a" is given twice/],
  ])("refuses %s", (text, message) => {
    expect(() => parseColumnMap(text)).toThrow(message);
  });
});
