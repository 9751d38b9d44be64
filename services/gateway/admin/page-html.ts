// Pieces of HTML and numbers for people.

/** Text that may hold anything, as HTML. */
export function text(raw: string): string {
  return raw.replace(/[&<>"']/g, c => ESCAPES[c]!)
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

export function number(n: number): string {
  return n.toLocaleString('en-US')
}

export function perSecond(rate: number): string {
  return `${rate < 10 ? Number(rate.toFixed(1)) : number(Math.round(rate))}/s`
}

/** A table whose cells are text; columns of numbers stand to the right. `none` when it has no rows. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  isNumber: readonly boolean[] = []
): string {
  if (rows.length === 0) return '<p class="none">none</p>'
  const cls = (i: number) => (isNumber[i] === true ? ' class="n"' : '')
  const heads = head.map((cell, i) => `<th scope="col"${cls(i)}>${text(cell)}</th>`).join('')
  const body = rows.map(row => `<tr>${row.map((cell, i) => `<td${cls(i)}>${text(cell)}</td>`).join('')}</tr>`)
  return `<div class="wide"><table><thead><tr>${heads}</tr></thead><tbody>\n${body.join('\n')}</tbody></table></div>`
}

/** Names with a bar as long as their share of the largest, largest first. Drawn without styles, which the page's policy forbids. */
export function bars(
  label: string,
  all: readonly { readonly name: string; readonly n: number; readonly kind?: string }[]
): string {
  if (all.length === 0) return '<p class="none">none</p>'
  const most = Math.max(...all.map(({ n }) => n))
  const rows = [...all]
    .sort((a, b) => b.n - a.n)
    .map(({ name, n, kind = 'bar' }) => {
      const width = most === 0 ? 0 : Math.max(1, Math.round((n / most) * 100))
      const bar = `<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="${kind}" width="${width}" height="8" rx="1"/></svg>`
      return `<tr><th scope="row">${text(name)}</th><td class="b">${bar}</td><td class="n">${number(n)}</td></tr>`
    })
  return `<table class="bars"><caption class="sr">${text(label)}</caption><tbody>\n${rows.join('\n')}</tbody></table>`
}
