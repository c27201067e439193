"use strict";
const dark = matchMedia("(prefers-color-scheme: dark)");
const shade = () => document.body.classList.toggle("dark", dark.matches);
dark.addEventListener("change", shade);
shade();
document.addEventListener("click", event => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.parentElement.querySelector("pre");
  getSelection().selectAllChildren(text); // stays selected where the clipboard is closed to files
  navigator.clipboard?.writeText(text.textContent).then(() => (button.textContent = "Copied")).catch(() => {});
});
function urlOf(id, type) { // of content that the file carries in an element
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), c => c.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type }));
}
