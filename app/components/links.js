// Links to a tab of this page, ?tab=learn or ?tab=learn&step=mixer, open it without loading the page again.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='?tab=']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const wanted = new URLSearchParams(link.getAttribute("href"));
  const tab = document.querySelector(`#views [role=tab][data-tab-id="${CSS.escape(wanted.get("tab"))}"]`);
  if (!tab) return;
  event.preventDefault();
  tab.click();
  scrollTo(0, 0);
  const step = wanted.get("step"), selector = `#learn-steps [data-value="${CSS.escape(step ?? "")}"]`;
  const open = (tries) => {
    const button = document.querySelector(selector);
    if (button?.offsetParent) button.click();
    else if (tries) setTimeout(open, 50, tries - 1);
  };
  if (step) open(100);
});

// For keyboards: the first link leads past the tabs.
element.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  const content = [...document.querySelectorAll("#views .content")].find((part) => part.offsetParent);
  content?.setAttribute("tabindex", "-1");
  content?.focus();
});

// Gradio names every radio button of a list differently, so that each is a stop of its own and the arrows do nothing.
const radiosOf = (list) => [...list.querySelectorAll("input[type=radio]:not(:disabled)")];
document.addEventListener("keydown", (event) => {
  if (event.key === "Tab") {
    for (const list of document.querySelectorAll("fieldset")) {
      const radios = radiosOf(list), stop = radios.find((radio) => radio.checked) ?? radios[0];
      for (const radio of radios) radio.tabIndex = radio === stop ? 0 : -1;
    }
    return;
  }
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  const list = step && event.target.matches("input[type=radio]") && event.target.closest("fieldset");
  if (!list) return;
  event.preventDefault();
  const radios = radiosOf(list), next = radios[(radios.indexOf(event.target) + step + radios.length) % radios.length];
  next.focus();
  next.click();
}, true);
