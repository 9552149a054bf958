
'use strict';
// Data are only ever set as text or as addresses of pictures; nothing here writes HTML.
const data = JSON.parse(document.getElementById('data').textContent);
const photos = data.photos;
const element = id => document.getElementById(id);

const STATES = {changed: 'Changed', unchanged: 'Unchanged', failed: 'Failed', pending: 'Not done'};
const hasRefused = photo => photo.faces.some(face => face.status === 'refused');
const FILTERS = [
  ['all', 'All', () => true],
  ['changed', 'Changed', photo => photo.state === 'changed'],
  ['unchanged', 'Unchanged', photo => photo.state === 'unchanged'],
  ['failed', 'Failed', photo => photo.state === 'failed'],
  ['refused', 'With refused faces', hasRefused],
  ['pending', 'Not done', photo => photo.state === 'pending'],
];

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function count(number, one, many) {
  return number + ' ' + (number === 1 ? one : many);
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

// ---- All photos -----------------------------------------------------------------------------------------------------

const grid = element('grid');
const cards = photos.map((photo, index) => {
  const item = make('li');
  const card = make('button', 'card');
  card.type = 'button';
  card.tabIndex = -1;
  card.dataset.index = index;
  const thumb = make('span', 'thumb');
  if (photo.thumb) {
    const image = make('img');
    image.loading = 'lazy';
    image.decoding = 'async';
    image.alt = '';
    image.src = photo.thumb;
    image.addEventListener('error', () => thumb.replaceChildren('The picture is not beside this page.'));
    thumb.append(image);
  } else {
    thumb.textContent = 'No picture';
  }
  const states = make('span', 'states');
  states.append(make('span', 'badge ' + photo.state, STATES[photo.state]));
  const refused = photo.faces.filter(face => face.status === 'refused').length;
  if (refused) states.append(make('span', 'badge refused', count(refused, 'face refused', 'faces refused')));
  card.append(thumb, make('span', 'label', photo.name), states);
  item.append(card);
  return card;
});
const items = cards.map(card => card.parentNode);

let filter = 'all';
let shown = [];  // indices of the photos shown, in order
let current = 0;  // place in `shown` that the keyboard is at
let marked = null;  // the card there

function refresh() {
  const matches = FILTERS.find(([name]) => name === filter)[2];
  const part = element('find').value.trim().toLowerCase();
  const before = shown[current];
  shown = [];
  photos.forEach((photo, index) => {
    if (matches(photo) && photo.name.toLowerCase().includes(part)) shown.push(index);
  });
  const held = grid.contains(document.activeElement);
  grid.replaceChildren(...shown.map(index => items[index]));  // hiding them one by one takes ten times as long
  for (const button of element('filters').children) {
    button.setAttribute('aria-pressed', String(button.dataset.filter === filter));
  }
  element('count').textContent =
    shown.length ? count(shown.length, 'photo', 'photos') + ' shown of ' + photos.length : 'No photo is like this.';
  mark(Math.max(0, shown.indexOf(before)), held);
}

// One card at a time is in the order of the Tab key; arrows move among them.
function mark(place, focus) {
  if (marked) marked.tabIndex = -1;
  current = clamp(place, 0, Math.max(0, shown.length - 1));
  marked = cards[shown[current]];
  if (!marked) return;
  marked.tabIndex = 0;
  if (focus) marked.focus();
}

function columns() {
  return getComputedStyle(grid).gridTemplateColumns.split(' ').length;
}

function choose(name) {
  filter = name;
  refresh();
}

for (const [name, label, matches] of FILTERS) {
  const number = photos.filter(matches).length;
  if (!number && (name === 'refused' || name === 'pending')) continue;
  const button = make('button', '', label + ' ' + number);
  button.type = 'button';
  button.dataset.filter = name;
  button.addEventListener('click', () => choose(name));
  element('filters').append(button);
}

element('find').addEventListener('input', refresh);
element('find').addEventListener('keydown', event => {
  if (event.key !== 'Enter') return;
  event.preventDefault();  // else the card that has the focus now is pressed by the same key
  mark(0, true);
});
grid.addEventListener('click', event => {
  const card = event.target.closest('.card');
  if (card) open(shown.indexOf(Number(card.dataset.index)));
});
grid.addEventListener('keydown', event => {
  const steps = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns()};
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in steps) {
    const place = current + steps[event.key];
    if (place >= 0 && place < shown.length) mark(place, true);
  } else if (event.key === 'Home') mark(0, true);
  else if (event.key === 'End') mark(shown.length - 1, true);
  else return;
  event.preventDefault();
});
document.addEventListener('keydown', event => {
  if (viewer.open || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input')) return;
  const button = /^[1-6]$/.test(event.key) && element('filters').children[event.key - 1];
  if (button) button.click();
  else if (event.key === '/') {
    event.preventDefault();
    element('find').focus();
  }
});

// ---- One photo ------------------------------------------------------------------------------------------------------

const viewer = element('viewer'), stage = element('stage'), pan = element('pan'), frame = element('frame');
const slider = element('slider'), divider = element('divider');
const layers = {before: element('before'), after: element('after')};
let photo = null;
let zoomed = false;

function open(place) {
  if (!viewer.open) viewer.showModal();
  zoomed = false;
  show(place);
  keepFocus(true);
}

// What has the focus may have been disabled: the slider of a photo that did not change, a button at the last photo.
function keepFocus(renew) {
  const held = document.activeElement;
  if (renew || held === viewer || held === slider || held.disabled || !viewer.contains(held)) {
    (slider.disabled ? viewer : slider).focus({preventScroll: true});
  }
}

function show(place) {
  mark(place, false);
  photo = photos[shown[current]];
  const slides = Boolean(photo.after);
  element('name').textContent = photo.name;
  element('state').className = 'badge ' + photo.state;
  element('state').textContent = STATES[photo.state] + (photo.kept ? ', kept from an earlier run' : '');
  element('place').textContent = (current + 1) + ' of ' + shown.length;
  element('previous').disabled = current === 0;
  element('next').disabled = current === shown.length - 1;
  for (const name of ['before', 'after']) set(layers[name], photo[name] || '');
  layers.before.alt = slides ? 'The photo before' : 'The photo';
  layers.after.alt = slides ? 'The photo after' : '';
  set(element('mapped'), photo.map || '');
  element('map').disabled = !photo.map;
  element('zoom').disabled = !photo.before;
  element('faces').disabled = !photo.before || !photo.faces.length;
  slider.disabled = !slides;
  slider.value = 50;
  divider.hidden = !slides;
  stage.classList.toggle('slides', slides);
  for (const side of stage.querySelectorAll('.side')) side.hidden = !slides;
  element('nothing').textContent = photo.before ? '' : 'There is no picture of this photo.';
  describe();
  drawBoxes();
  applyMap();
  frame.hidden = !photo.before;
  zoom(zoomed);
  for (const near of [current + 1, current - 1]) prefetch(photos[shown[near]]);
}

function set(image, address) {
  image.hidden = !address;
  if (address) image.src = address;
  else image.removeAttribute('src');
}

function prefetch(other) {
  for (const name of other ? ['before', 'after'] : []) if (other[name]) new Image().src = other[name];
}

function describe() {
  element('reason').textContent = photo.reason;
  element('reason').hidden = !photo.reason;
  element('notes').replaceChildren(...photo.notes.map(note => make('li', '', note)));
  element('notes').hidden = !photo.notes.length;
  const share = photo.share * 100;
  const parts = [];
  if (photo.width) parts.push(photo.width + ' x ' + photo.height + ' px.');
  if (photo.after && photo.most) {
    parts.push((share < 0.1 ? 'Less than 0.1' : share.toFixed(1)) + ' % of the pixels differ, by up to ' + photo.most + ' of 255 levels.');
  } else if (photo.state === 'unchanged') parts.push('Nothing was changed.');
  element('summary').textContent = parts.join(' ');
  element('found').textContent = photo.faces.length ? count(photo.faces.length, 'face found', 'faces found') : 'No face found';
  element('found').hidden = !photo.faces.length && (photo.state !== 'unchanged' || photo.notes.length > 0);
  element('list').replaceChildren(...photo.faces.map((face, index) => {
    const item = make('li');
    const button = make('button');
    button.type = 'button';
    button.title = 'Zoom to this face';
    button.disabled = !photo.before;
    const what = face.size.toFixed(0) + ' px, score ' + face.score.toFixed(2) +
      (face.status === 'retouched' ? ', changed by ' + face.mean_change.toFixed(2) + ' levels on average' : '');
    button.append(make('span', '', (index + 1) + '. ' + face.status), make('small', '', what));
    if (face.reason) button.append(make('small', '', face.reason));
    button.addEventListener('click', () => zoomTo(face));
    item.append(button);
    return item;
  }));
  for (const [id, address] of [['open-source', photo.source], ['open-result', photo.result]]) {
    element(id).hidden = !address;
    if (address) element(id).href = address;
  }
}

function drawBoxes() {
  const on = element('faces').getAttribute('aria-pressed') === 'true';
  element('boxes').hidden = !on;
  element('boxes').replaceChildren(...photo.faces.map((face, index) => {
    const [x0, y0, x1, y1] = face.box;
    const box = make('div', 'box ' + face.status + (y0 < photo.height * .06 ? ' low' : ''));
    box.style.left = x0 / photo.width * 100 + '%';
    box.style.top = y0 / photo.height * 100 + '%';
    box.style.width = (x1 - x0) / photo.width * 100 + '%';
    box.style.height = (y1 - y0) / photo.height * 100 + '%';
    box.append(make('span', '', (index + 1) + ' ' + face.status));
    return box;
  }));
}

function applyMap() {
  const on = element('map').getAttribute('aria-pressed') === 'true' && Boolean(photo.map);
  element('mapped').hidden = !on;
  element('legend').hidden = !on;
  stage.classList.toggle('mapping', on);
}

// The frame has the photo's shape: as large as the stage lets it be, or zoomed to at least one screen pixel a pixel.
function layOut() {
  if (!photo || !photo.before) return;
  const fit = Math.min(stage.clientWidth / photo.width, stage.clientHeight / photo.height);
  const scale = zoomed ? Math.max(1 / devicePixelRatio, 2 * fit) : fit;
  frame.style.width = photo.width * scale + 'px';
  frame.style.height = photo.height * scale + 'px';
  pan.style.overflow = zoomed ? 'auto' : 'hidden';
  stage.classList.toggle('zoomed', zoomed);
  element('zoom').setAttribute('aria-pressed', String(zoomed));
  split();
}

// The part of the photo that is in view, in px of the stage.
function inView() {
  const outer = stage.getBoundingClientRect(), inner = frame.getBoundingClientRect();
  const left = Math.max(outer.left, inner.left), right = Math.min(outer.right, inner.right);
  return {outer, inner, left, width: Math.max(1, right - left)};
}

function split() {
  if (!photo || !photo.after) {
    layers.before.style.clipPath = '';
    return;
  }
  const {outer, inner, left, width} = inView();
  slider.style.marginLeft = left - outer.left + 'px';  // it is as wide as what it splits
  slider.style.maxWidth = width + 'px';
  const x = left + width * slider.value / 100;
  layers.before.style.clipPath = 'inset(0 ' + Math.max(0, inner.right - x) + 'px 0 0)';
  divider.style.left = x - outer.left + 'px';
  slider.setAttribute('aria-valuetext', slider.value + ' % before, ' + (100 - slider.value) + ' % after');
}

function slideTo(value) {
  slider.value = clamp(value, 0, 100);
  split();
}

function zoom(on, at) {
  if (!photo.before) return;
  zoomed = on;
  layOut();
  if (!on) return;
  const faces = photo.faces.filter(face => face.status === 'retouched');
  const target = at || (faces.length ? faces : photo.faces)[0];
  const [x0, y0, x1, y1] = target ? target.box : [0, 0, photo.width, photo.height];
  pan.scrollLeft = (x0 + x1) / 2 / photo.width * frame.clientWidth - pan.clientWidth / 2;
  pan.scrollTop = (y0 + y1) / 2 / photo.height * frame.clientHeight - pan.clientHeight / 2;
  split();
  showFull();
}

function zoomTo(face) {
  zoom(true, face);
}

// Zoomed, the files themselves take the place of the pictures once they are loaded; where one cannot, its picture stays.
function showFull() {
  if (!photo.full) return;
  for (const [name, address] of [['before', photo.source], ['after', photo.result]]) {
    if (!photo[name] || !address) continue;
    const here = photo, image = new Image();
    image.src = address;
    image.decode().then(() => {
      if (photo === here && image.naturalWidth === photo.width) layers[name].src = address;
    }, () => {});
  }
}

function toggle(id, after) {
  const button = element(id);
  if (button.disabled) return;
  button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
  after();
}

function go(step) {
  const place = current + step;
  if (place < 0 || place >= shown.length) return;
  show(place);
  keepFocus(false);
}

let dragging = null;  // 'slider' or the point that the photo is held at
stage.addEventListener('pointerdown', event => {
  if (!photo || event.button !== 0) return;
  if (divider.contains(event.target) || (!zoomed && photo.after)) dragging = 'slider';
  else if (zoomed && event.pointerType === 'mouse') {
    dragging = {x: event.clientX + pan.scrollLeft, y: event.clientY + pan.scrollTop};
  } else return;
  stage.setPointerCapture(event.pointerId);
  event.preventDefault();
  if (dragging === 'slider') {
    slider.focus({preventScroll: true});
    drag(event);
  }
});
stage.addEventListener('pointermove', event => dragging && drag(event));
for (const name of ['pointerup', 'pointercancel']) stage.addEventListener(name, () => { dragging = null; });

function drag(event) {
  if (dragging === 'slider') {
    const {left, width} = inView();
    slideTo((event.clientX - left) / width * 100);
  } else {
    pan.scrollLeft = dragging.x - event.clientX;
    pan.scrollTop = dragging.y - event.clientY;
  }
}

slider.addEventListener('input', split);
pan.addEventListener('scroll', split);
new ResizeObserver(layOut).observe(stage);
element('previous').addEventListener('click', () => go(-1));
element('next').addEventListener('click', () => go(1));
element('faces').addEventListener('click', () => toggle('faces', drawBoxes));
element('map').addEventListener('click', () => toggle('map', applyMap));
element('zoom').addEventListener('click', () => zoom(!zoomed));
element('close').addEventListener('click', () => viewer.close());
viewer.addEventListener('close', () => mark(current, true));
document.addEventListener('keydown', event => {
  if (!viewer.open || event.ctrlKey || event.metaKey || event.altKey) return;
  const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.shiftKey && zoomed && key in arrows) pan.scrollBy(80 * arrows[key][0], 80 * arrows[key][1]);
  else if (key === 'n' || key === 'j' || key === 'PageDown') go(1);
  else if (key === 'p' || key === 'k' || key === 'PageUp') go(-1);
  else if (key === 'f') element('faces').click();
  else if (key === 'm') element('map').click();
  else if (key === 'z') element('zoom').click();
  else if (slider.disabled) return;
  else if (key === 'b') slideTo(slider.value > 50 ? 0 : 100);
  else if (key === 'ArrowLeft') slideTo(Number(slider.value) - 2);
  else if (key === 'ArrowRight') slideTo(Number(slider.value) + 2);
  else if (key === 'Home') slideTo(0);
  else if (key === 'End') slideTo(100);
  else return;
  event.preventDefault();
});

// ---- Start ----------------------------------------------------------------------------------------------------------

element('title').textContent = 'Review: ' + data.title;
document.title = 'Review: ' + data.title;
element('about').textContent = Object.entries(data.facts)
  .map(([name, value]) => name + ' ' + (name === 'started' ? new Date(value).toLocaleString() : value)).join(', ');
refresh();
if (data.others.length) {
  element('others').hidden = false;
  element('other-count').textContent = count(data.others.length, 'other file was', 'other files were') + ' left out';
  element('other-list').append(...data.others.map(other => make('li', '', other.name + ': ' + other.reason)));
}
