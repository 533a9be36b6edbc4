// Filters the reference as you type, and copies code. The page reads well without it.
const filter = document.getElementById('filter')
const none = document.getElementById('none')
const items = [...document.querySelectorAll('main .item')]
const links = new Map([...document.querySelectorAll('nav li > a')].map((link) => [link.hash.slice(1), link]))

function apply() {
  const words = filter.value.toLowerCase().split(/\s+/).filter((word) => word !== '')
  let shown = 0
  for (const item of items) {
    const matches = words.every((word) => item.dataset.search.includes(word))
    item.hidden = !matches
    if (matches) shown++
    const link = links.get(item.id)
    if (link) link.parentElement.hidden = !matches
  }
  none.hidden = shown > 0
  document.body.classList.toggle('filtered', words.length > 0)
  for (const group of document.querySelectorAll('nav details')) {
    group.hidden = words.length > 0 && !group.querySelector('li:not([hidden])')
  }
}

filter.addEventListener('input', () => {
  apply()
  scrollTo(0, 0)
})
filter.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    filter.value = ''
    apply()
  } else if (event.key === 'Enter') {
    const first = items.find((item) => !item.hidden)
    if (first) location.hash = first.id
  }
})
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target === filter) return
  event.preventDefault()
  filter.focus()
})
// A link from elsewhere must never lead to something that the filter hides.
window.addEventListener('hashchange', () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (!target?.closest('[hidden]')) return
  filter.value = ''
  apply()
  target.scrollIntoView()
})

if (navigator.clipboard) {
  for (const block of document.querySelectorAll('main pre')) {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = 'Copy'
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(block.querySelector('code').textContent)
      button.textContent = 'Copied'
      setTimeout(() => {
        button.textContent = 'Copy'
      }, 1500)
    })
    block.append(button)
  }
}
