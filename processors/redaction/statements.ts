// Database statements with every literal replaced by `?`: SQL, Redis commands, Mongo and other JSON queries.

const SQL =
  /^\s*(?:\/\*|--|\(|(?:select|insert|update|delete|merge|with|call|exec|execute|create|alter|drop|truncate|begin|commit|rollback|set\s+(?:@|[\w.]+\s*(?:=|to\b)|names|session|local|global|transaction|search_path)|show|explain|grant|replace|upsert|values|copy|use|declare|lock|analyze|vacuum|match)\b)/i

/** The statement without its literals. Text that is no known kind of statement loses quoted strings and numbers. */
export function obfuscate(statement: string): string {
  const first = statement.trimStart()
  if (first.startsWith('{') || first.startsWith('[') || /^db\.\w+/.test(first)) return obfuscateJson(statement)
  if (SQL.test(statement)) return obfuscateSql(statement)
  return /^[A-Z][A-Z_.]*(?: |$)/i.test(first) ? obfuscateCommand(statement) : obfuscateSql(statement)
}

/** Strings, numbers, hex, dollar quotes, booleans; comments go, since they may quote values; identifiers stay. */
function obfuscateSql(sql: string): string {
  return sql
    .replace(
      /\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$)|--[^\n]*|\$(\w{0,20})\$[\s\S]*?(?:\$\1\$|$)|[NnEeXxBb]?'(?:[^'\\]|''|\\[\s\S])*(?:'|$)|"(?:[^"]|"")*(?:"|$)|(?<![\w$@:.])[-+]?(?:0x[0-9a-f]+|\d[\d_]*(?:\.\d*)?(?:e[-+]?\d+)?)(?![\w$])|\b(?:true|false)\b/gi,
      found => {
        if (found.startsWith('/*') || found.startsWith('--')) return ''
        return found.startsWith('"') ? found : '?'
      }
    )
    .replace(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, '(?)')
    .trim()
}

/** `SET key value EX 10` -> `SET ? ? ? ?`. */
function obfuscateCommand(command: string): string {
  return command
    .split('\n')
    .map(line => {
      const words = line.trim().split(/\s+/)
      return [words[0], ...words.slice(1).map(() => '?')].join(' ')
    })
    .join('\n')
}

/** JSON and shell-like JSON: every value, no key. */
function obfuscateJson(text: string): string {
  return text.replace(
    /"(?:[^"\\]|\\.)*("|$)(\s*:)?|'(?:[^'\\]|\\.)*('|$)(\s*:)?|(?<![\w$.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w$])|\b(?:true|false|null)\b/gi,
    (found, _close, colon: string | undefined, _single, colon2: string | undefined) =>
      colon !== undefined || colon2 !== undefined ? found : found[0] === "'" ? "'?'" : found[0] === '"' ? '"?"' : '?'
  )
}
