/**
 * The page's one script: a light/dark button, sortable tables, and a word over tables that are wider than the page, which keys can reach then. Reading needs none of it. The page's content policy
 * lets this text run, by its digest, and no other.
 */
import { sha256 } from "../../base/core/digest.ts";
import { trusted } from "../html.ts";

const SOURCE = `
(()=>{const root=document.documentElement,button=document.getElementById("theme");
const dark=()=>root.dataset.theme?root.dataset.theme==="dark":matchMedia("(prefers-color-scheme: dark)").matches;
button.hidden=false;button.onclick=()=>{root.dataset.theme=dark()?"light":"dark"};
const key=cell=>{const text=cell.textContent.trim(),number=parseFloat(text.replace(/,/g,"").replace("\\u2212","-").replace(/^[+<\\s]+/,""));
return Number.isNaN(number)?text:number};
const hint=()=>{for(const box of document.querySelectorAll(".scroll")){const wide=box.scrollWidth>box.clientWidth+1;
box.classList.toggle("wide",wide);if(wide)box.tabIndex=0;else box.removeAttribute("tabindex")}};
hint();addEventListener("resize",hint);
for(const table of document.querySelectorAll("table.sortable")){const heads=[...table.tHead.rows[0].cells];
heads.forEach((head,column)=>{const button=document.createElement("button");button.append(...head.childNodes);head.append(button);
button.onclick=()=>{const sign=head.getAttribute("aria-sort")==="descending"?1:-1;
heads.forEach(other=>other.removeAttribute("aria-sort"));head.setAttribute("aria-sort",sign>0?"ascending":"descending");
const body=table.tBodies[0];body.append(...[...body.rows].sort((a,b)=>{const x=key(a.cells[column]),y=key(b.cells[column]);
if(typeof x!==typeof y)return typeof x==="number"?-1:1;return sign*(x<y?-1:x>y?1:0)}))}})}})();
`.trim();

/** Contents of the `<script>` element. */
export const SCRIPT = trusted(SOURCE);

/** Nothing is loaded from anywhere; the script runs by its digest only. */
export const CONTENT_POLICY = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${Buffer.from(sha256(SOURCE), "hex").toString("base64")}'`;
