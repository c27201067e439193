// A video that is dropped anywhere on the tab becomes the upload, also while another one is there.
const place = () => document.querySelector("#upload"); // of the upload
const isHere = (event) => place()?.offsetParent && event.dataTransfer?.types.includes("Files");
const mark = (on) => place()?.classList.toggle("dropping", on);

document.addEventListener("dragover", (event) => {
  if (!isHere(event)) return;
  event.preventDefault();
  mark(true);
});
document.addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
document.addEventListener("drop", (event) => {
  if (!isHere(event)) return;
  event.preventDefault();
  event.stopPropagation(); // Gradio's own target takes it otherwise, if there is no file yet
  mark(false);
  const [file] = event.dataTransfer.files;
  if (file) take(file);
}, true);

function take(file, tries = 40) { // Gradio has a field for files only while there is none
  const field = place().querySelector("input[type=file]");
  if (!field) {
    if (tries === 40) place().querySelector(".top-panel button, button[aria-label='Clear'], button[aria-label='清除']")?.click();
    if (tries) setTimeout(take, 50, file, tries - 1);
    return;
  }
  const files = new DataTransfer();
  files.items.add(file);
  field.files = files.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
