
// The wall: one slider moves every picture, which holds its frames below each other, and every score to a frame.
element.addEventListener("input", ({ target }) => {
  const wall = target.closest(".ab-wall");
  if (!wall || target.type !== "range") return;
  const frame = Number(target.value) - 1;
  wall.dataset.frame = frame;
  wall.querySelector("output").textContent = frame + 1;
  for (const image of wall.querySelectorAll("img[data-frames]")) {
    const frames = Number(image.dataset.frames);
    image.style.transform = `translateY(-${(100 * Math.min(frame, frames - 1)) / frames}%)`;
  }
  for (const part of wall.querySelectorAll("[data-scores]")) {
    const texts = JSON.parse(part.dataset.scores);
    part.textContent = texts[Math.min(frame, texts.length - 1)];
  }
  for (const button of wall.querySelectorAll("[data-action=cell]")) {
    const [clip, row, , tab] = JSON.parse(button.dataset.value);
    button.dataset.value = JSON.stringify([clip, row, frame, tab]);
  }
});
