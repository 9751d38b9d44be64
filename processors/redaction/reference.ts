// The table of detectors for docs/privacy.md, made from their declarations.

import type { Detector, Family } from './detector.js'

const TITLES: Readonly<Record<Family, string>> = {
  contact: 'People and how to reach them',
  identity: 'Documents and numbers of the state',
  financial: 'Money',
  network: 'Devices and networks',
  secret: 'Secrets'
}

/** Markdown: one table a family. */
export function detectorTables(detectors: readonly Detector[]): string {
  return Object.entries(TITLES)
    .map(([family, title]) =>
      table(
        title,
        detectors.filter(detector => detector.family === family)
      )
    )
    .join('\n\n')
}

function table(title: string, detectors: readonly Detector[]): string {
  const rows = detectors.map(({ name, about, checks, labels }) => {
    const words =
      labels === undefined
        ? ''
        : labels
            .slice(0, 6)
            .map(label => `\`${label}\``)
            .join(', ')
    const more = labels !== undefined && labels.length > 6 ? ` and ${labels.length - 6} more` : ''
    return `| \`${name}\` | ${cell(about)} | ${cell(checks)} | ${words}${more} |`
  })
  return [
    `### ${title}`,
    '',
    '| detector | looks for | and checks | words that help |',
    '| --- | --- | --- | --- |',
    ...rows
  ].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
