"""The style of the pages that people read: on a screen of any width, and on paper."""

from __future__ import annotations

#: Inline style sheet. Colour never says anything that a word does not say too.
CSS = """
:root { --ink:#1c2430; --soft:#5a6675; --line:#d9dfe6; --paper:#fff; --ground:#f3f5f8;
  --good:#17693a; --bad:#a92317; --wait:#8a5a00; --seen:#47536b; }
* { box-sizing:border-box; }
body { margin:0; background:var(--ground); color:var(--ink);
  font:16px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;
  overflow-wrap:anywhere; }
main { max-width:60rem; margin:0 auto; padding:1.5rem 1rem 3rem; }
p, ul, ol, dl, h1, h2, h3 { margin:0; padding:0; }
bdi { unicode-bidi:isolate; }
.en { color:var(--soft); font-size:.86em; font-style:italic; font-weight:400; }
.mono, code, q { font-family:ui-monospace,"DejaVu Sans Mono",Consolas,monospace;
  font-size:.86em; white-space:pre-wrap; }
code { background:var(--ground); border:1px solid var(--line); border-radius:4px;
  padding:.05em .4em; font-weight:600; }
q { quotes:"«\\202f" "\\202f»"; }

.verdict { background:var(--paper); border:1px solid var(--line); border-left:.6rem solid;
  border-radius:8px; padding:1.25rem 1.5rem; }
.verdict .kicker { color:var(--soft); font-size:.9rem; }
.verdict h1 { font-size:1.9rem; line-height:1.25; }
.verdict .file { color:var(--ink); font-weight:600; margin:.15rem 0 .6rem; }
.verdict .said { color:var(--ink); font-size:1.05rem; }
.verdict > p.en { color:var(--soft); }
.verdict.accepted { border-left-color:var(--good); } .verdict.accepted h1 { color:var(--good); }
.verdict.rejected { border-left-color:var(--bad); } .verdict.rejected h1 { color:var(--bad); }
.verdict.partly_accepted, .verdict.held { border-left-color:var(--wait); }
.verdict.partly_accepted h1, .verdict.held h1 { color:var(--wait); }
.verdict.duplicate { border-left-color:var(--seen); } .verdict.duplicate h1 { color:var(--seen); }

section { margin-top:1.75rem; }
h2 { font-size:1.2rem; margin-bottom:.7rem; }
.note { color:var(--soft); font-size:.86rem; margin-top:.4rem; }
.tiles { display:flex; flex-wrap:wrap; gap:.75rem; list-style:none; }
.tile { flex:1 1 9rem; background:var(--paper); border:1px solid var(--line);
  border-top:.25rem solid var(--seen); border-radius:8px; padding:.6rem .9rem; }
.tile strong { display:block; font-size:1.7rem; line-height:1.2; }
.tile .sum { display:block; margin-top:.2rem; }
.tile.accepted { border-top-color:var(--good); } .tile.rejected { border-top-color:var(--bad); }
.tile.held { border-top-color:var(--wait); }
.sum { font-variant-numeric:tabular-nums; font-weight:600; }

.card, section > .head, section > .places, footer { background:var(--paper);
  border:1px solid var(--line); }
.card { border-left:.3rem solid var(--bad); border-radius:8px; padding:1rem 1.25rem;
  margin-bottom:1rem; }
.card.held { border-left-color:var(--wait); } .card.duplicate { border-left-color:var(--seen); }
.card h3 { display:flex; flex-wrap:wrap; justify-content:space-between; gap:.25rem 1rem;
  font-size:1.08rem; }
.kind { font-weight:400; }
.context { color:var(--soft); font-size:.92rem; margin-bottom:.6rem; }
.head { margin-top:.5rem; font-weight:600; }
section > .head { border-radius:8px 8px 0 0; border-bottom:0; padding:.9rem 1.25rem .3rem; }
section > .places { border-radius:0 0 8px 8px; border-top:0; padding:.2rem 1.25rem .9rem;
  margin-bottom:1rem; }
.todo { background:#eef4fb; border-radius:6px; padding:.35rem .7rem; margin:.35rem 0;
  font-weight:400; }
.todo .en { display:block; }
.places, .findings { list-style:none; }
.places > li, .findings > li { border-top:1px solid var(--line); padding:.55rem 0 .45rem; }
.places > li:first-child { border-top:0; }
.findings > li { padding-left:.8rem; border-left:.2rem solid var(--bad); margin-top:.5rem;
  border-top:0; }
.findings > li.warning { border-left-color:var(--wait); }
.findings > li > p:first-child > span { margin-left:.35rem; font-size:.9rem; }
.findings .term { font-weight:600; }
.label { color:var(--soft); font-size:.9rem; }
.path { color:var(--soft); font-size:.78em; }

table { width:100%; border-collapse:collapse; background:var(--paper); font-size:.92rem;
  border:1px solid var(--line); }
th, td { text-align:left; vertical-align:top; padding:.4rem .6rem;
  border-top:1px solid var(--line); }
th { background:var(--ground); font-weight:600; }
td:first-child { color:var(--soft); width:3rem; }
.figures td:first-child { color:var(--ink); width:auto; overflow-wrap:anywhere; }
.differs td { background:#fbeaea; }
.day { white-space:nowrap; }
.amount, th:last-child { text-align:right; }
.warnings td { border-top:0; text-align:left; color:var(--ink); padding-left:1.2rem; }

.verdict.valid { border-left-color:var(--good); } .verdict.valid h1 { color:var(--good); }
.verdict.invalid { border-left-color:var(--bad); } .verdict.invalid h1 { color:var(--bad); }
.verdict.unclear { border-left-color:var(--wait); } .verdict.unclear h1 { color:var(--wait); }
.card.valid { border-left-color:var(--good); } .card.unclear { border-left-color:var(--wait); }
.tile.valid { border-top-color:var(--good); } .tile.invalid { border-top-color:var(--bad); }
.tile.unclear { border-top-color:var(--wait); }
.layers { display:flex; flex-wrap:wrap; gap:.3rem; list-style:none; margin:.3rem 0; }
.layers > li { border:1px solid var(--line); border-radius:4px; padding:.1rem .5rem;
  font-size:.86rem; }
.layers .valid { border-left:.25rem solid var(--good); }
.layers .invalid { border-left:.25rem solid var(--bad); }
.layers .unclear { border-left:.25rem solid var(--wait); }
.layers .skipped { color:var(--soft); }
.wide { overflow-x:auto; }
.wide th, .wide td, .wide td:first-child { overflow-wrap:normal; text-align:left; }
.wide .number { text-align:right; white-space:nowrap; font-variant-numeric:tabular-nums; }
.chart { display:block; width:100%; min-width:30rem; height:auto; background:var(--paper);
  border:1px solid var(--line); margin-bottom:.6rem; }
.chart rect { fill:var(--seen); } .chart line { stroke:var(--line); }
.chart text { fill:var(--ink); font-size:12px; }

footer { margin-top:2rem; border-radius:8px; padding:1rem 1.25rem; font-size:.92rem; }
dl { display:grid; grid-template-columns:minmax(9rem,max-content) 1fr; gap:.25rem 1.25rem; }
dt { color:var(--soft); } dd { margin:0; }

@media (max-width:34rem) { dl { grid-template-columns:1fr; } dd { margin-bottom:.4rem; }
  th:first-child, td:first-child { display:none; } .warnings td { display:table-cell; }
  .figures td, .figures th { display:table-cell; } }
@media print { body { background:#fff; font-size:10.5pt; } main { max-width:none; padding:0; }
  .card, .tile, .places > li, .findings > li, tr { break-inside:avoid; }
  .card h3, h2, .head { break-after:avoid; } thead { display:table-header-group; }
  .verdict, .tile, .card, .todo, th { print-color-adjust:exact; } }
"""
