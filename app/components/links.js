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
