// The head of the tab asks for the state of the runs while it is visible: often while one is running.
const OFTEN = 1500, SELDOM = 10000; // milliseconds
let last = Date.now();

if (element.closest("#tr-head")) {
  const clock = setInterval(() => {
    if (!element.isConnected) return clearInterval(clock);
    const live = element.querySelector("[data-live]")?.dataset.live; // absent where training is off
    const wait = { 1: OFTEN, 0: SELDOM }[live];
    if (!wait || element.offsetParent === null || document.hidden || Date.now() - last < wait) return;
    last = Date.now();
    trigger("tick", {});
  }, 500);
}

// A click on the predictions enlarges them.
element.addEventListener("click", (event) => {
  if (event.target.closest("[data-larger]")) element.classList.toggle("tr-large");
});
