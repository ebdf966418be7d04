/** The page's style sheet: a quiet, dense page that prints, in light and dark. No font, image or rule from elsewhere. */
import { trusted } from "../html.ts";

/** The colours, by name, on light paper. The studio has the same. */
export const LIGHT = `
  --paper:#fff; --ink:#1c2127; --soft:#5b6570; --rule:#dde1e6; --wash:#f5f7f9; --accent:#0b5a9e;
  --s0:#0b62a4; --s1:#c2480a; --s2:#007a58; --s3:#a13d7b; --s4:#7d6200; --s5:#59626d;
  --up:11,98,164; --down:194,72,10; --warn:#8a5a00; --warn-wash:#fff6e0; --bad:#a3181f; --bad-wash:#fdecec;`;

/** The same on dark. */
export const DARK = `
  --paper:#14181d; --ink:#e3e7eb; --soft:#9aa5b1; --rule:#313943; --wash:#1c2229; --accent:#7cbcf2;
  --s0:#6fb6f0; --s1:#f39a63; --s2:#52c7a2; --s3:#e48fc0; --s4:#d8b84a; --s5:#aab3bd;
  --up:80,160,230; --down:235,130,70; --warn:#e7bd62; --warn-wash:#2b2413; --bad:#ff8f8f; --bad-wash:#331a1c;`;

const PAGE = `
*{box-sizing:border-box}
html{color-scheme:light dark;scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
.layout{max-width:1320px;margin:0 auto;padding:2rem 1.5rem 4rem;display:grid;grid-template-columns:190px minmax(0,1fr);gap:0 2.5rem}
header,main,footer{grid-column:2}
nav{grid-column:1;grid-row:1/span 3;position:sticky;top:2rem;align-self:start;font-size:13px;max-height:calc(100vh - 4rem);overflow:auto}
nav strong{display:block;margin-bottom:.4rem;color:var(--soft);font-weight:600}
nav ol{list-style:none;margin:0;padding:0}
nav a{display:block;padding:.18rem 0;color:var(--ink);text-decoration:none}
nav a:hover{color:var(--accent);text-decoration:underline}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .4rem;text-wrap:balance}
h2{font-size:1.2rem;margin:2.6rem 0 .8rem;padding-top:.7rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1.6rem 0 .5rem}
p{margin:.5rem 0;max-width:46rem}
ul{margin:.5rem 0;padding-left:1.2rem;max-width:46rem}
a{color:var(--accent)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
.meta{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;color:var(--soft);font-size:13px;margin:0}
.meta b{font-weight:600;color:var(--ink)}
.nw{white-space:nowrap}
.soft{color:var(--soft);font-size:13px}
.headline{margin:1.2rem 0 0;padding:.9rem 1.2rem;background:var(--wash);border-left:4px solid var(--accent);border-radius:0 4px 4px 0}
.headline p{max-width:none;font-size:1.05rem;margin:.3rem 0;font-variant-numeric:tabular-nums}
.headline p.soft{font-size:13px;margin-top:.6rem}
.warnings{margin:1rem 0 0;padding:.6rem 1.2rem;background:var(--warn-wash);border-left:4px solid var(--warn);border-radius:0 4px 4px 0}
.warnings.has-error{background:var(--bad-wash);border-color:var(--bad)}
.warnings ul{list-style:none;padding:0;margin:.2rem 0;max-width:none}
.warnings b{color:var(--warn);margin-right:.3rem}.warnings .error b{color:var(--bad)}.warnings .note b{color:var(--soft)}
`;

const TABLES = `
.scroll{overflow-x:auto;margin:.8rem 0 1.2rem;background:linear-gradient(to right,var(--paper) 40%,transparent) left/3rem 100% local,linear-gradient(to left,var(--paper) 40%,transparent) right/3rem 100% local,linear-gradient(to right,var(--rule),transparent) left/1rem 100% scroll,linear-gradient(to left,var(--rule),transparent) right/1rem 100% scroll;background-repeat:no-repeat}
.scroll.wide::before{content:"wider than the page: scroll sideways \\2192";display:block;position:sticky;left:0;color:var(--soft);font-size:12px;padding-bottom:.2rem}
.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums lining-nums}
caption{text-align:left;font-weight:600;padding:0 0 .35rem}
caption .soft{font-weight:400;margin-left:.5rem}
th,td{padding:.3rem .9rem .3rem 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--rule)}
th:last-child,td:last-child{padding-right:.3rem}
thead th{font-weight:600;vertical-align:bottom;border-bottom:1.5px solid var(--soft);line-height:1.25}
thead .soft{display:block;font-weight:400;white-space:nowrap}
th.num,td.num{text-align:right;white-space:nowrap}
thead th.num{white-space:normal;min-width:5.5em}
tbody th{position:sticky;left:0;background:var(--paper)}
th.long,td.long{min-width:13em}
td.code{overflow-wrap:anywhere;font-size:12.5px}
td .ci,td .n{color:var(--soft);font-size:.92em;margin-left:.35em}
th.paper,td.paper{background:var(--wash);color:var(--soft);font-style:italic;padding-left:.7rem}
th.paper::before{content:"† "}
.after{margin-top:-.8rem}
dl{display:grid;grid-template-columns:max-content minmax(0,46rem);gap:.25rem 1.2rem;margin:.6rem 0;font-size:13.5px}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid var(--accent)}
th[aria-sort=ascending] button::after{content:" ↑"}th[aria-sort=descending] button::after{content:" ↓"}
`;

/** How charts look, here and in the studio. */
export const CHARTS = `svg.chart{display:block;width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums;fill:var(--ink)}
svg .axis line{stroke:var(--soft);stroke-width:1}svg .axis line.grid{stroke:var(--rule)}
svg .axis text,svg .value{fill:var(--soft);font-size:11.5px}svg .axis-name{fill:var(--soft);font-size:11.5px}
svg .row-name,svg .key{font-size:12px}svg .series-name{font-size:11px;font-weight:600}
svg .reference{stroke:var(--soft);stroke-width:1;stroke-dasharray:4 4}svg .reference-name{fill:var(--soft);font-size:11px;stroke:var(--paper);stroke-width:3px;paint-order:stroke}
svg .line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}svg .whisker{stroke-width:1.6}svg .line.pale{opacity:.3;stroke-width:1;stroke-dasharray:none!important}
svg .area{stroke-width:1.5;fill-opacity:.16;stroke-linejoin:round}svg .mark{stroke-width:1.4}svg .few{opacity:.35}svg .cloud .mark{opacity:.6;stroke-width:0}
svg .line.s1,svg .area.s1{stroke-dasharray:7 3}svg .line.s2,svg .area.s2{stroke-dasharray:2 3}svg .line.s3{stroke-dasharray:9 3 2 3}
svg .line.s4{stroke-dasharray:1 4}svg .line.s5{stroke-dasharray:12 4}
${[0, 1, 2, 3, 4, 5].map((i) => `svg .s${i}{stroke:var(--s${i});fill:var(--s${i})}svg .line.s${i}{fill:none}svg .series-name.s${i}{stroke:none}`).join("\n")}
svg .mark.s4{fill:var(--paper)}svg .mark.s5{fill:none;stroke-width:1.8}`;

const FIGURES = `
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:1.2rem 2rem;margin:.8rem 0;align-items:start}
.figures.small{grid-template-columns:repeat(auto-fill,minmax(min(100%,290px),1fr));gap:1rem 1.4rem}
figure{margin:0;break-inside:avoid;min-width:0}
figcaption{font-size:13.5px;font-weight:600;margin-bottom:.15rem}
figcaption .soft{display:block;font-weight:400}
${CHARTS}
details{margin:.3rem 0}summary{cursor:pointer;color:var(--soft);font-size:13px}
details pre{background:var(--wash);padding:.8rem 1rem;overflow:auto;max-height:36rem;margin:.5rem 0}
`;

/** Tokens tinted by what they add. */
export const TOKENS = `.token{border-radius:2px}
${[1, 2, 3, 4].map((i) => `.up${i}{background:rgba(var(--up),${(0.13 * i).toFixed(2)})}.down${i}{background:rgba(var(--down),${(0.13 * i).toFixed(2)});text-decoration:underline dotted ${i > 2 ? 2 : 1}px;text-underline-offset:3px}`).join("\n")}`;

const EXAMPLES = `
.example{border:1px solid var(--rule);border-radius:6px;padding:.7rem 1rem .9rem;margin:.9rem 0;break-inside:avoid}
.example .id{color:var(--soft);font-size:12.5px;margin:0;display:flex;flex-wrap:wrap;gap:.1rem 1rem}
.quote{white-space:pre-wrap;overflow-wrap:anywhere;font-size:14px;line-height:1.45;max-width:none}
.prompt{color:var(--soft);margin:.3rem 0 .6rem;max-height:16rem;overflow:auto}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1.4rem}
.pair h4{font-size:13px;margin:0 0 .2rem;display:flex;justify-content:space-between;border-bottom:1px solid var(--rule);padding-bottom:.15rem}
.pair .score{font-weight:400;color:var(--soft);font-variant-numeric:tabular-nums}
.by{display:inline-block;margin-left:.5rem;padding:0 .45rem;border:1px solid currentColor;border-radius:9px;font-size:11.5px;font-weight:600;color:var(--accent)}
${TOKENS}
#theme{float:right;font:13px system-ui,sans-serif;background:none;border:1px solid var(--rule);border-radius:4px;color:var(--soft);padding:.1rem .6rem;cursor:pointer}
`;

const NARROW_AND_PRINT = `
@media (max-width:1000px){.layout{display:block;padding:1.2rem 1rem 3rem}nav{position:static;max-height:none;margin:1rem 0;columns:2}}
@media (max-width:640px){th.long,td.long{min-width:9em}.pair{grid-template-columns:1fr}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}}
@media print{
  :root,:root[data-theme=dark]{${LIGHT}}
  @page{margin:14mm 13mm}
  body{font-size:10.5pt}.layout{display:block;padding:0;max-width:none}nav,#theme,details.data{display:none}
  h2{break-after:avoid}h3,caption{break-after:avoid}tr,figure,.example{break-inside:avoid}
  .figures{grid-template-columns:1fr 1fr;gap:.8rem 1rem}.figures.small{grid-template-columns:1fr 1fr 1fr}
  table{font-size:8pt;break-inside:avoid}th,td{padding-right:.5rem}.scroll{overflow:visible;background:none}.scroll.wide::before{content:none}th.num{white-space:normal}td .ci{margin-left:.2em}
  .prompt,details pre{max-height:none;overflow:visible;white-space:pre-wrap}
  *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}`;

/** All rules, for one `<style>` element. */
export const STYLE = trusted(
  [
    `:root{${LIGHT}}`,
    `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK}}}`,
    `:root[data-theme=dark]{${DARK}}`,
    PAGE,
    TABLES,
    FIGURES,
    EXAMPLES,
    NARROW_AND_PRINT,
  ].join("\n"),
);
