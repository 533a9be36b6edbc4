/** Text made safe to stand in HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

export function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`
}

export function codeBlock(text: string): string {
  return `<pre><code>${escapeHtml(text)}</code></pre>`
}

export function json(value: unknown): string {
  return codeBlock(JSON.stringify(value, null, 2))
}

/** Code spans and bold, the rest as it is written. */
function inline(text: string): string {
  return text
    .split(/(`[^`]+`)/)
    .map((part) =>
      part.length > 2 && part.startsWith('`') && part.endsWith('`')
        ? code(part.slice(1, -1))
        : escapeHtml(part).replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>'),
    )
    .join('')
}

/** The Markdown that descriptions are written in: paragraphs, lists, fenced blocks, code spans, bold. */
export function markdown(text: string): string {
  return text
    .split(/^```\w*\n([\s\S]*?)^```$/m)
    .map((part, index) => (index % 2 === 1 ? codeBlock(part.trimEnd()) : paragraphs(part)))
    .join('')
}

/** Markdown that stands in a table's cell: as above, without paragraphs around it when there is but one. */
export function markdownCell(text: string): string {
  return text.includes('\n\n') || text.includes('\n- ') ? markdown(text) : inline(text)
}

function paragraphs(text: string): string {
  return text
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter((block) => block !== '')
    .map((block) => {
      const lines = block.split('\n')
      if (!lines.every((line) => line.startsWith('- '))) return `<p>${inline(block)}</p>`
      return `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join('')}</ul>`
    })
    .join('')
}

/** From this many columns on, a narrow screen has to be told which cell is which. */
const COLUMNS_TO_NAME = 5

/** Rows as a table; nothing when there are none. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const isWide = head.length >= COLUMNS_TO_NAME
  const cell = (value: string, column: number) =>
    isWide ? `<td data-name="${escapeHtml(head[column] ?? '')}">${value}</td>` : `<td>${value}</td>`
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('')
  const titles = head.map((title) => `<th>${title}</th>`).join('')
  const open = isWide ? '<table class="many">' : '<table>'
  return `<div class="wide">${open}<thead><tr>${titles}</tr></thead><tbody>${body}</tbody></table></div>`
}
