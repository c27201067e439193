// Another heading is another step: start reading at its top.
const heading = () => element.querySelector("h1")?.innerText;
let current = heading();
watch("value", () => requestAnimationFrame(() => {
  if (heading() !== current && element.getBoundingClientRect().top < 0) element.scrollIntoView();
  current = heading();
}));
