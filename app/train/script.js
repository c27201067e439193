// The head of the tab asks for news while it is in view: often while a run is at work, else now and then.
// In the other parts, buttons and boxes tell the server what was chosen, and the command is copied.
const OFTEN = 1500, SELDOM = 10000; // milliseconds
let asked = Date.now();

if (element.closest("#tr-head") || element.id === "tr-head") {
  const clock = setInterval(() => {
    if (!element.isConnected) return clearInterval(clock);
    const here = element.querySelector("[data-live]"), live = here?.dataset.live === "1";
    if (!here || element.offsetParent === null || document.hidden || Date.now() - asked < (live ? OFTEN : SELDOM)) return;
    asked = Date.now();
    trigger("tick", {});
  }, 500);
}

element.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button?.dataset.run) trigger("choose", { run: button.dataset.run });
  if (button && "larger" in button.dataset) element.classList.toggle("tr-large");
  if (button && "copy" in button.dataset) {
    const words = element.querySelector("pre").textContent.replace(/ \\\n\s+/g, " ");
    const done = said => { button.textContent = said; setTimeout(() => { button.textContent = "Copy"; }, 2000); };
    const select = () => { getSelection().selectAllChildren(element.querySelector("pre")); done("Press Ctrl-C"); };
    if (navigator.clipboard) navigator.clipboard.writeText(words).then(() => done("Copied"), select);
    else select();
  }
});

element.addEventListener("change", event => {
  const box = event.target.closest("input[data-compare]");
  if (box) trigger("compare", { run: box.dataset.compare, on: box.checked });
});
