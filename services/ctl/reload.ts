// `algoflow-gateway reload`: a running gateway reads its config anew.

import { type ConfigProblem, problemText } from '../../core/config/problem.js'
import { EXIT } from '../exit-codes.js'
import { ask, DEFAULT_ADMIN } from './ask.js'
import type { AddCommands, Shell } from './cli.js'

interface Report {
  readonly ok: boolean
  readonly changed: readonly { readonly path: string; readonly kind: string }[]
  readonly problems: readonly ConfigProblem[]
  readonly error?: { readonly code: string; readonly says: string }
}

export const addReload: AddCommands = (program, shell, exit) => {
  program
    .command('reload')
    .description('make a running gateway read its config anew; a config with a problem changes nothing')
    .option('--admin <url>', 'admin endpoint of the gateway', shell.env['ALGOFLOW_GATEWAY_ADMIN'] ?? DEFAULT_ADMIN)
    .action(async (options: { admin: string }) => exit(await reload(options.admin, shell)))
}

async function reload(admin: string, shell: Shell): Promise<number> {
  const report = (await ask(admin, '/reload', shell, {}, [422])) as Report | undefined
  if (report === undefined) return EXIT.failed
  if (report.ok) {
    for (const { path, kind } of report.changed) shell.out(`${kind}: ${path}\n`)
    shell.out(report.changed.length === 0 ? 'the config is the same\n' : 'the gateway runs with the new config\n')
    return EXIT.ok
  }
  for (const problem of report.problems) shell.err(`${problemText(problem)}\n`)
  if (report.error !== undefined) shell.err(`${report.error.code}: ${report.error.says}\n`)
  shell.err('nothing was changed\n')
  return report.problems.length > 0 ? EXIT.config : EXIT.failed
}
