// Whatever carries data-add-model opens the panel, and so does the last entry of a list of models (panel.py).
// Of a page that was rendered anew, only the last script listens.

const here = (window.avsegAddModel = {});
const live = (work) => (event) => { if (window.avsegAddModel === here) work(event); };
const open = (tab) => trigger("action", { action: "open", value: tab });
const currentTab = () => document.querySelector("#views > .tab-wrapper [role=tab].selected")?.dataset.tabId ?? "segment";
let back = null;  // what had the focus before

document.addEventListener("click", live((event) => {
  const part = event.target.closest("[data-add-model]");
  if (!part) return;
  back = part;
  open(currentTab());
}));
document.addEventListener("add-model", live((event) => { back = document.activeElement; open(event.detail); }));
document.addEventListener("keydown", live((event) => {
  const panel = document.querySelector("#add-model");
  if (!here.shown || !panel) return;
  if (event.key === "Escape") trigger("action", { action: "close", value: null });
  if (event.key !== "Tab") return;
  // The focus stays inside while the panel is open.
  const parts = [...panel.querySelectorAll("button, a[href], input, [tabindex='0']")].filter((part) => part.offsetParent && !part.disabled);
  const edge = event.shiftKey ? parts[0] : parts.at(-1);
  if (parts.length && (document.activeElement === edge || !panel.contains(document.activeElement))) {
    event.preventDefault();
    (event.shiftKey ? parts.at(-1) : parts[0]).focus();
  }
}));
new MutationObserver(live(() => {
  const panel = document.querySelector("#add-model"), shown = Boolean(panel?.getClientRects().length);
  if (shown === here.shown) return;
  here.shown = shown;
  document.body.classList.toggle("am-open", shown);
  if (shown) {
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-modal", "true");
    panel.setAttribute("aria-label", avsegText("Add a model"));
    panel.querySelector("#am-close")?.focus();
  } else if (back?.isConnected) back.focus();
})).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "style"] });
