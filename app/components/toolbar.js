// The buttons at the right of the header, and the address of the page.
// Gradio follows the system's light or dark; the switch is for this visit, since frames of other sites may not store anything.

const tools = {
  light: () => document.body.classList.toggle("dark"),
  link: copyLink,
};
element.addEventListener("click", (event) => tools[event.target.closest("[data-tool]")?.dataset.tool]?.());

let saying = 0;
function say(text) {
  const toast = element.querySelector("#toast");
  toast.innerHTML = "<p></p>";
  toast.firstChild.textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => { toast.innerHTML = ""; }, 6000);
}

// The address names what is shown: each part carries its own in data-address (app/services/permalink.py). A link that was
// opened stays as it is until the visitor does something, since only then it is restored.

let touched = false, waiting = 0;
const openTab = () => document.querySelector("#views > .tab-wrapper [role=tab].selected")?.dataset.tabId;
const isShown = (part) => Boolean(part.closest(".tabitem, #context")?.getClientRects().length);
const shownParts = () => [...document.querySelectorAll("[data-address]")].filter(isShown);

function addressOf() {
  const pairs = new Map([["tab", openTab()]]);
  for (const [name, value] of new URLSearchParams(location.search)) // Gradio's own
    if (name.startsWith("__")) pairs.set(name, encodeURIComponent(value));
  for (const part of shownParts())
    for (const pair of part.dataset.address.split("&").filter(Boolean)) {
      const [name, ...value] = pair.split("=");
      pairs.set(name, value.join("="));
    }
  const slider = document.querySelector("#player [data-set=threshold]"), first = Number(slider?.dataset.first);
  if (pairs.get("tab") === "segment" && pairs.has("frame") && first && Number(slider.value) !== first)
    pairs.set("threshold", slider.value);
  return "?" + [...pairs].map((pair) => pair.join("=")).join("&");
}

function write() {
  waiting = 0;
  const address = openTab() && addressOf();
  if (touched && address && address !== location.search) history.replaceState(history.state, "", address + location.hash);
}

const later = () => { waiting ||= setTimeout(write, 150); };
for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, () => { touched = true; }, true);
document.addEventListener("input", later);
new MutationObserver(later).observe(document.body, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["data-address", "aria-selected"],
});

async function copyLink() {
  touched = true;
  write();
  const own = shownParts().some((part) => "upload" in part.dataset);
  const left = own ? " Your video is not in it: whoever opens it sees the page without." : "";
  try {
    await navigator.clipboard.writeText(location.href);
    say(`Link copied.${left}`);
  } catch { // a page without https, or a browser that asks first
    say(`The address bar holds the link: ${location.href}${left}`);
  }
}
