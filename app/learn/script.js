// The threshold of step 6: numbers were counted beforehand, masks are painted here.
const paint = (canvas, threshold) => {
  const { data, width, height } = canvas.probability, pen = canvas.getContext('2d');
  const mask = pen.createImageData(width, height);
  for (let i = 0; i < data.length; i += 4)
    if (data[i] > 255 * threshold) mask.data.set([230, 159, 0, 128], i);
  pen.putImageData(mask, 0, 0);
};

const load = (canvas, done) => {
  const picture = new Image();
  picture.onload = () => {
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    pen.drawImage(picture, 0, 0);
    canvas.probability = pen.getImageData(0, 0, canvas.width, canvas.height);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    done();
  };
  picture.src = canvas.dataset.probability;
};

const atThreshold = (box) => {
  const numbers = JSON.parse(box.dataset.numbers), at = Number(box.querySelector('input').value);
  const threshold = numbers.thresholds[at], two = (value) => value.toFixed(2);
  box.dataset.at = at;
  box.querySelector('output').textContent = two(threshold);
  for (const one of box.querySelectorAll('[data-of]')) one.textContent = two(numbers[one.dataset.of][at]);
  for (const one of box.querySelectorAll('[data-frame]')) one.textContent = two(numbers.iou[at][one.dataset.frame]);
  const line = box.querySelector('line.now');
  line.setAttribute('x1', at);
  line.setAttribute('x2', at);
  for (const canvas of box.querySelectorAll('canvas')) if (canvas.probability) paint(canvas, threshold);
};

const dress = () => {
  const box = element.querySelector('.ln-scores');
  if (!box || box.dressed) return;
  box.dressed = true;
  for (const canvas of box.querySelectorAll('canvas')) load(canvas, () => atThreshold(box));
};

element.addEventListener('input', (event) => {
  const box = event.target.closest('.ln-scores');
  if (box) atThreshold(box);
});
watch('value', () => requestAnimationFrame(dress));
dress();
