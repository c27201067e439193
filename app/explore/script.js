// One listener for all that is drawn anew: whatever carries data-do tells the server what was clicked.
let last = '', open = new Set();

const tell = (part) => {
  const { do: act, value, int, from } = part.dataset;
  last = `[data-do="${CSS.escape(act)}"][data-value="${CSS.escape(value ?? '')}"]`;
  const note = from === 'note' ? element.querySelector('.ex-note input').value : value;
  trigger('act', { do: act, value: int ? Number(note) : note });
};

element.addEventListener('click', (event) => {
  const part = event.target.closest('[data-do]');
  if (part && part.tagName !== 'INPUT') tell(part);
});

element.addEventListener('change', (event) => {
  const part = event.target;
  if (part.dataset.do) tell(part);
  else if (part.dataset.slide) {
    last = `[data-slide="${part.dataset.slide}"]`;
    trigger('act', { do: part.dataset.slide, value: Number(part.value) > 1 ? '' : part.value });
  }
});

element.addEventListener('input', (event) => {
  const part = event.target;
  if (!part.dataset.slide) return;
  part.style.setProperty('--v', `${(100 * (part.value - part.min)) / (part.max - part.min)}%`);
  const said = part.closest('.ex-block').querySelector('h3 span:last-child');
  said.textContent = part.value > 1 ? 'any' : `below ${Number(part.value).toFixed(2)}`;
});

element.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.target.matches('.ex-note input'))
    tell(element.querySelector('[data-do="flag"]'));
});

// The many buttons of a chart are one stop of the Tab key; arrows go from one to the next.
const rove = (group, chosen) => {
  const all = [...group.querySelectorAll('button')];
  const stop = chosen ?? all.find((one) => one.getAttribute('aria-pressed') === 'true') ?? all[0];
  for (const one of all) one.tabIndex = one === stop ? 0 : -1;
};

const roveAll = () => element.querySelectorAll('[data-rove]').forEach((group) => rove(group));

element.addEventListener('keydown', (event) => {
  const group = event.target.closest('[data-rove]'), wide = Number(group?.dataset.rove);
  const way = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }[event.key];
  if (!group || !way) return;
  const all = [...group.querySelectorAll('button')], next = all[all.indexOf(event.target) + way];
  event.preventDefault();
  if (next) rove(group, next), next.focus();
});

element.addEventListener('toggle', (event) => {
  const name = event.target.dataset?.keep;
  if (name) open[event.target.open ? 'add' : 'delete'](name);
}, true);

// A new page keeps what was folded open, and the focus.
watch('value', () => requestAnimationFrame(() => {
  roveAll();
  for (const part of element.querySelectorAll('details[data-keep]')) part.open = open.has(part.dataset.keep);
  if (last && (document.activeElement === document.body || element.contains(document.activeElement)))
    element.querySelector(last)?.focus({ preventScroll: true });
}));
roveAll();
