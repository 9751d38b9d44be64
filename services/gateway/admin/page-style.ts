// The status page's one style sheet; its hash is in the page's content security policy.

import { createHash } from 'node:crypto'

export const STYLE = `
:root{--fg:#1b1f24;--soft:#57606a;--bg:#fff;--box:#f6f8fa;--line:#d0d7de;--good:#1a7f37;--bad:#cf222e;--warn:#9a6700;--bar:#54aeff;--link:#0969da}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--soft:#9198a1;--bg:#0d1117;--box:#161b22;--line:#30363d;--good:#3fb950;--bad:#f85149;--warn:#d29922;--bar:#1f6feb;--link:#4493f8}}
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:78rem;padding:0 1rem;color:var(--fg);background:var(--bg)}
header{display:flex;flex-wrap:wrap;gap:.3rem 1rem;align-items:baseline}
h1{font-size:1.35rem;margin:0}h2{font-size:1.05rem;margin:1.8rem 0 .6rem}h3{font-size:.95rem;margin:.9rem 0 .3rem}
small,.none,dt,.soft{color:var(--soft)}a{color:var(--link)}
.pill{border-radius:1rem;padding:.05rem .7rem;color:#fff;background:var(--good);font-weight:600}
.pill.bad{background:var(--bad)}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.7rem;margin:1rem 0;padding:0}
.cards div{background:var(--box);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .8rem}
.cards dt{font-size:.85rem}.cards dd{margin:0;font-size:1.25rem;font-weight:600}.cards small{font-size:.8rem;font-weight:400;display:block}
meter{width:100%;height:.7rem}
.flow{list-style:none;display:flex;flex-wrap:wrap;gap:.4rem 1.5rem;margin:0 0 .9rem;padding:0;align-items:stretch}
.flow>li{position:relative;display:flex;flex-direction:column;gap:.35rem;justify-content:center}
.flow>li+li::before{content:"\\2192";position:absolute;left:-1.28rem;top:50%;transform:translateY(-50%);color:var(--soft)}
.box{border:1px solid var(--line);border-left:.3rem solid var(--line);border-radius:.4rem;background:var(--box);padding:.3rem .65rem;min-width:6.2rem}
.box b{display:block}.box span{display:block;font-size:.82rem;color:var(--soft)}
.box.ok{border-left-color:var(--good)}.box.no{border-left-color:var(--bad)}.box.slow{border-left-color:var(--warn)}
.box .bad{color:var(--bad)}.box .warn{color:var(--warn)}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:0 2.5rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
thead th{color:var(--soft);font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bars th{font-weight:400;white-space:nowrap}.bars .b{width:55%;vertical-align:middle}.bars svg{width:100%;height:.6rem;display:block}
.bar{fill:var(--bar)}.kept{fill:var(--good)}.gone{fill:var(--soft)}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
footer{margin:1.6rem 0;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem}
`

/** For \`style-src\`. */
export const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`
