// Clicks on a report, its charts and its clips become one event, `select`, that says what was chosen.
const CHOICES = ["open", "delete", "cancel", "forget", "clip", "order", "label", "close", "all"];
const NUMBERS = ["bin", "page"];

function choose(target) {
  const found = target.closest("[data-copy], button, .ev-bin");
  if (!found || found.disabled || !element.contains(found)) return;
  if (found.dataset.copy) return copy(found);
  if (found.dataset.explore) return trigger("explore", { clip: found.dataset.explore });
  if (found.dataset.delete && !confirm("Delete this report?")) return;
  const said = {};
  CHOICES.forEach(name => { if (found.dataset[name]) said[name] = found.dataset[name]; });
  NUMBERS.forEach(name => { if (found.dataset[name] !== undefined) said[name] = Number(found.dataset[name]); });
  if (Object.keys(said).length) trigger("select", said);
}

function copy(button) {
  navigator.clipboard?.writeText(button.closest(".ev-command").querySelector("pre").innerText)
    .then(() => { button.textContent = "Copied"; });
}

element.addEventListener("click", event => choose(event.target));
element.addEventListener("keydown", event => {
  if ((event.key === "Enter" || event.key === " ") && event.target.closest(".ev-bin")) {
    event.preventDefault();
    choose(event.target);
  }
});
