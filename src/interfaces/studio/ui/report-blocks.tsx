/** Sections of a report in the page: the same blocks, tables and charts as in report.html. */
import type { Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { visible } from "../../../base/core/visible.ts";
import type { Block, Section } from "../../../report/blocks.ts";
import { drawChart } from "../../../report/charts/draw.ts";
import type { ReportFigure, ReportTable } from "../../../report/data.ts";
import { tableView } from "../../../report/table.ts";
import { LineFigure, putChart } from "./chart.tsx";
import { SCROLLS } from "./scrolls.ts";

/** A section. `cursor`: what its curves point at. */
export function ReportSection(props: {
  readonly section: Section;
  readonly cursor: Signal<number | undefined>;
}) {
  const { section, cursor } = props;
  return (
    <section class="report-section">
      <h2>{section.title}</h2>
      {section.blocks.map((block, i) => (
        <ReportBlock key={i} block={block} cursor={cursor} />
      ))}
    </section>
  );
}

function ReportBlock(props: { readonly block: Block; readonly cursor: Signal<number | undefined> }) {
  const { block, cursor } = props;
  if (block.type === "heading") return <h3>{visible(block.text)}</h3>;
  if (block.type === "text")
    return <p>{block.strong ? <b>{visible(block.text)}</b> : visible(block.text)}</p>;
  if (block.type === "table") return <ReportTableView table={block.table} />;
  if (block.type === "figures")
    return (
      <div class="figures">
        {block.figures.map((figure, i) =>
          figure.chart.kind === "line" ? (
            <LineFigure key={i} spec={figure.chart} cursor={cursor} />
          ) : (
            <Figure key={i} figure={figure} />
          ),
        )}
      </div>
    );
  return block.type === "list" ? (
    <ul>
      {block.items.map((item, i) => (
        <li key={i}>{visible(item)}</li>
      ))}
    </ul>
  ) : null;
}

function Figure({ figure: { chart, caption } }: { readonly figure: ReportFigure }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const drawn = drawChart(chart);
    if (box.current !== null && drawn !== undefined) putChart(box.current, drawn);
  }, [chart]);
  return (
    <figure class="wide-figure">
      <figcaption>{visible(chart.title)}</figcaption>
      <div ref={box} />
      {caption !== undefined && <p class="soft">{visible(caption)}</p>}
    </figure>
  );
}

function ReportTableView({ table }: { readonly table: ReportTable }) {
  const view = tableView(table);
  if (view === undefined) return null;
  return (
    <>
      <section class="table-scroll" {...SCROLLS} aria-label={table.title ?? "Table"}>
        <table class="report-table">
          {table.title !== undefined && <caption>{visible(table.title)}</caption>}
          <thead>
            <tr>
              {view.columns.map(({ title, note, numeric }, i) => (
                <th key={i} scope="col" class={numeric ? "num" : ""}>
                  {visible(title)} {note !== undefined && <span class="soft">{note}</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {view.rows.map((row, r) => (
              <tr key={r}>
                {row.map(({ main, range, n }, i) => (
                  <td key={i} class={view.columns[i]!.numeric ? "num" : ""}>
                    {view.columns[i]!.code ? <code>{visible(main)}</code> : visible(main)}
                    {range !== undefined && <span class="soft"> {range}</span>}
                    {n !== undefined && <span class="soft"> {n}</span>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {table.notes?.map((note, i) => (
        <p key={i} class="soft">
          {visible(note)}
        </p>
      ))}
    </>
  );
}
