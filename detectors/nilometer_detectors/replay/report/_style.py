"""The page's style: light and dark by what the reader has set, one column on a phone, nothing from elsewhere."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--soft:#5b6876;--line:#d9dee4;--paper:#f6f7f9;--card:#fff;
--reference:#c9d2dc;--usual:#0b63a5;--band:#0b63a522;--drift:#c2410c;--outlier:#8a2fb8;--ok:#7fb2d6}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa7b4;--line:#323c47;--paper:#12171d;--card:#1a2129;
--reference:#45525f;--usual:#6fb7ee;--band:#6fb7ee2b;--drift:#ff8a4c;--outlier:#d79bf5;--ok:#35648a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1500px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:26px;margin:0 0 2px}h2{font-size:20px;margin:44px 0 10px}h3{font-size:16px;margin:0}
h4{font-size:13px;font-weight:600;margin:12px 0 0;color:var(--soft)}
p{margin:4px 0}.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:10px;margin:18px 0}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}
.tile b{display:block;font-size:24px;line-height:1.2;font-variant-numeric:tabular-nums}
.tile.bad b{color:var(--drift)}.tile.odd b{color:var(--outlier)}
.card{margin:14px 0}.card header{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:baseline}
.badge{font-size:12px;border-radius:99px;padding:1px 9px;border:1px solid var(--line);color:var(--soft)}
.badge.bad{color:var(--drift);border-color:var(--drift)}.badge.odd{color:var(--outlier);border-color:var(--outlier)}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,270px),1fr));gap:4px 22px}
svg{display:block;width:100%;height:auto;max-width:480px;overflow:visible}
svg text{font:11.5px system-ui,sans-serif;fill:var(--soft)}
.grid{stroke:var(--line)}.axis,.tick{stroke:var(--soft)}.reference{fill:var(--reference)}
.expected{stroke:var(--soft);stroke-dasharray:2 3}.band{fill:var(--band)}
.usual{stroke:var(--usual);stroke-width:1.8;stroke-linejoin:round}.point{fill:var(--usual)}
.drifting{stroke:var(--drift);stroke-width:2;stroke-dasharray:5 3}
.drifting-point{fill:var(--card);stroke:var(--drift);stroke-width:2.2}
.threshold{stroke:var(--drift);stroke-width:1.2;stroke-dasharray:6 4}.outlier{stroke:var(--outlier);stroke-width:1.7;opacity:.7}
.verdict-ok{fill:var(--ok)}.verdict-drift{fill:var(--drift)}.verdict-nodata{fill:var(--soft)}
.key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;color:var(--soft);margin:10px 0;padding:0;list-style:none}
.key svg{display:inline-block;width:26px;height:12px;vertical-align:-1px;margin-right:6px}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);white-space:nowrap;vertical-align:top}
td.number,th.number{text-align:right}th{color:var(--soft);font-weight:600}
td.drift{color:var(--drift);font-weight:600}td.nodata{color:var(--soft)}td.why{white-space:normal;min-width:220px}
summary{cursor:pointer;margin:10px 0}.notes li{margin:3px 0}
@media (max-width:480px){main{padding:16px 12px 40px}.card{padding:10px 12px}h1{font-size:21px}.tile b{font-size:20px}}
@media print{body{background:#fff}.card{break-inside:avoid}}
"""
