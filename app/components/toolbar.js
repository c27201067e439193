// The buttons at the right of the header, and the address of the page.
// Gradio follows the system's light or dark; the switch is for this visit, since frames of other sites may not store anything.

const tools = {
  light: () => document.body.classList.toggle("dark"),
  link: copyLink,
  present: () => (isPresenting() ? leave() : present()),
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
  for (const [name, value] of new URLSearchParams(location.search)) // Gradio's own, and the language
    if (name.startsWith("__") || name === "lang") pairs.set(name, encodeURIComponent(value));
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
  const left = own ? ` ${avsegText("Your video is not in it: whoever opens it sees the page without.")}` : "";
  try {
    await navigator.clipboard.writeText(location.href);
    say(avsegText("Link copied.") + left);
  } catch { // a page without https, or a browser that asks first
    say(avsegText("The address bar holds the link: {link}", { link: location.href }) + left);
  }
}

// The languages that the page is not in; the chosen one goes into the address, and a cookie keeps it for the next visit.

for (const link of element.querySelectorAll("[data-language]")) link.hidden = link.lang === window.avsegLanguage;
element.addEventListener("click", (event) => {
  const link = event.target.closest("[data-language]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  touched = true;
  write();
  document.cookie = `avseg-lang=${link.lang}; path=/; max-age=31536000; samesite=lax`;
  const query = new URLSearchParams(location.search);
  query.set("lang", link.lang);
  location.search = query;
});

// Present: the player, or what the tab shows beside its sidebar, fills the screen in larger type. Where the browser gives
// no full screen, it fills the window.

const isPresenting = () => document.body.classList.contains("presenting");
const shownTab = () => [...document.querySelectorAll("#views .tabitem")].find((tab) => tab.getClientRects().length);
const playerOf = (tab) => [...tab.querySelectorAll(".player")].find((player) => player.getClientRects().length);

function setPresenting(on) {
  document.body.classList.toggle("presenting", on);
  element.querySelector("[data-tool=present]").setAttribute("aria-pressed", on);
}

function present() {
  setPresenting(true);
  scrollTo(0, 0);
  playerOf(shownTab())?.focus({ preventScroll: true });
  say(avsegText("Space plays, the arrows step, 1 to 4 change the sound, Esc ends."));
  document.documentElement.requestFullscreen?.().catch(() => {});
}

function leave() {
  setPresenting(false);
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}

document.addEventListener("fullscreenchange", () => document.fullscreenElement || leave());

const pressed = (buttons, step) => buttons[buttons.findIndex((one) => one.getAttribute("aria-pressed") === "true") + step];
const all = (tab, selector) => [...tab.querySelectorAll(selector)];

function steer(tab, key) { // of a tab without a player
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[key];
  if (step && /Left|Right/.test(key)) return pressed(all(tab, "[data-action=frame]"), step);
  if (step) return pressed(all(tab, ".box[data-action=view]"), step);
  return /^[1-4]$/.test(key) && all(tab, "[data-action=preset]")[key - 1];
}

document.addEventListener("keydown", (event) => {
  if (!isPresenting() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return leave();
  const tab = shownTab(), player = playerOf(tab);
  if (event.target.closest("input, select, textarea") || player?.contains(event.target)) return;
  if (!/^( |Arrow\w+|[1-7a-z])$/.test(event.key) || (event.key === " " && event.target.closest("button"))) return;
  const button = player ? null : steer(tab, event.key);
  if (player) {
    player.focus({ preventScroll: true });
    player.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, shiftKey: event.shiftKey, bubbles: true, cancelable: true }));
  } else if (button) button.click();
  else return;
  event.preventDefault();
});
