// One listener for all that is drawn anew: buttons choose, pictures open large, the large one is downloaded.
const dialog = () => element.closest('.tabitem').querySelector('dialog');
let last = '';

const send = (name, value) => {
  if (name === 'frame') trigger('frame', { frame: value });
  else if (name === 'clip') trigger('start', { clip: value });
  else trigger('choose', { [name]: value });
};

const choose = (button) => {
  const { set, to } = button.dataset;
  last = `[data-set="${set}"][data-to="${to}"]`;
  for (const other of element.querySelectorAll(`[data-set="${set}"][aria-pressed]`))
    other.setAttribute('aria-pressed', String(other.dataset.to === to));
  send(set, /^\d+$/.test(to) ? Number(to) : to);
};

const goTo = (place, x, y) => {
  const within = (value) => Math.max(0, Math.min(1000, Math.round(value)));
  last = '.place';
  trigger('choose', { x: within(x), y: within(y) });
};

const enlarge = (pic) => {
  const box = dialog(), scale = pic.closest('.group')?.querySelector('.scale');
  const image = box.querySelector('.large'), source = pic.querySelector('img');
  box.querySelector('h2').textContent = pic.dataset.name;
  image.src = source.src;
  image.alt = pic.dataset.name;
  image.className = source.classList.contains('cells') ? 'large cells' : 'large';
  image.style.aspectRatio = pic.dataset.aspect;
  image.style.width = `min(86vw, 1080px, calc(72vh * ${pic.dataset.aspect}))`;
  box.querySelector('.legend').innerHTML = scale ? scale.outerHTML : '';
  box.querySelector('.download').onclick = () => download(pic.dataset.name, image, Number(pic.dataset.aspect));
  box.querySelector('.close').onclick = () => box.close();
  box.onclick = (event) => { if (event.target === box) box.close(); };
  box.showModal();
};

// The file holds the picture, its title and its scale.
const download = (name, image, aspect) => {
  const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
  const width = Math.max(960, image.naturalWidth), height = Math.round(width / aspect), foot = 56;
  canvas.width = width;
  canvas.height = height + foot;
  pen.fillStyle = '#FFFFFF';
  pen.fillRect(0, 0, width, height + foot);
  pen.imageSmoothingEnabled = !image.classList.contains('cells');
  pen.drawImage(image, 0, 0, width, height);
  pen.fillStyle = '#1B1C20';
  pen.font = '20px "IBM Plex Sans", sans-serif';
  pen.textBaseline = 'middle';
  pen.fillText(name, 12, height + foot / 2, width * 0.55);
  const scale = dialog().querySelector('.legend .scale');
  if (scale) {
    const ramp = scale.querySelector('img'), { low, high, quantity } = scale.dataset;
    pen.textAlign = 'right';
    pen.fillText(high, width - 12, height + foot / 2);
    const right = width - 24 - pen.measureText(high).width;
    pen.imageSmoothingEnabled = true;
    pen.drawImage(ramp, right - 140, height + foot / 2 - 7, 140, 14);
    pen.fillText(`${quantity}  ${low}`, right - 152, height + foot / 2, width * 0.3);
  }
  const link = document.createElement('a');
  link.download = name.toLowerCase().replace(/[^a-z0-9]+/g, '-') + '.png';
  link.href = canvas.toDataURL('image/png');
  link.click();
};

element.addEventListener('click', (event) => {
  const zoom = event.target.closest('.zoom');
  if (zoom) return enlarge(zoom.closest('.pic'));
  const place = event.target.closest('.place');
  if (place) {
    const box = place.getBoundingClientRect();
    return goTo(place, (1000 * (event.clientX - box.left)) / box.width, (1000 * (event.clientY - box.top)) / box.height);
  }
  const button = event.target.closest('[data-set]');
  if (button) choose(button);
});

element.addEventListener('keydown', (event) => {
  const place = event.target.closest('.place');
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!place || !step) return;
  event.preventDefault();
  goTo(place, Number(place.dataset.x) + 40 * step[0], Number(place.dataset.y) + 40 * step[1]);
});

watch('value', () => requestAnimationFrame(() => {
  if (last && (document.activeElement === document.body || element.contains(document.activeElement)))
    element.querySelector(last)?.focus({ preventScroll: true });
}));
