// What every part of the page shares: the data, the plan that is shown, colours, and how numbers are written.
const data = JSON.parse(document.getElementById("data").textContent);
const state = { plan: data.plans[data.chosen], band: -1, layer: -1 };
const listeners = [];

// Tells every part that the plan, the band or the kept layer is another one.
function changed(what) {
  for (const listener of listeners) listener(what);
}

const LIGHT = ["#3a5688", "#2d7f8c", "#4f9566", "#b39a32", "#c27642", "#a84f60", "#755392"];
const DARK = ["#7090d2", "#50b4c0", "#7fc48e", "#d9be62", "#e29c6c", "#d67d8f", "#aa8dca"];
const LONGEST_NAME = 40;
const darkScheme = matchMedia("(prefers-color-scheme: dark)");

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function channels(colour) {
  return [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
}

// Layers from first to last run through the ramp; neighbours differ in lightness, too.
function layerColour(layer, count) {
  const ramp = darkScheme.matches ? DARK : LIGHT;
  const place = count > 1 ? (layer / (count - 1)) * (ramp.length - 1) : 0;
  const below = Math.min(Math.floor(place), ramp.length - 2);
  const from = channels(ramp[below]), to = channels(ramp[below + 1]), share = place - below;
  const shade = layer % 2 ? 1.12 : 0.94;
  const mixed = from.map((value, i) => Math.min(255, Math.round((value + (to[i] - value) * share) * shade)));
  return `rgb(${mixed.join(" ")})`;
}

function commas(number) {
  return Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

function millions(number) {
  return number >= 1e6 ? `${(number / 1e6).toFixed(2)} M` : commas(number);
}

function count(number, one) {
  return `${commas(number)} ${one}${number === 1 ? "" : "s"}`;
}

// Converters join the names of all that they fuse; the first is enough to know a layer by, and of a long path its ends.
function shortName(name) {
  const whole = name.split(";")[0] || name, parts = whole.split("/");
  if (whole.length <= LONGEST_NAME || parts.length < 3) return whole;
  let head = parts.shift();
  if (parts.length > 2 && head.length + parts[0].length < LONGEST_NAME / 3) head += `/${parts.shift()}`;
  while (parts.length > 1 && head.length + parts.join("/").length > LONGEST_NAME) parts.shift();
  return `${head}/\u2026/${parts.join("/")}`;
}

function layerTitle(layer) {
  return `#${layer} ${shortName(state.plan.layers[layer].name)}`;
}

// An element with a class, text, or children; text is never read as markup.
function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

// A name that may be broken behind the marks that paths and words have.
function breakable(name) {
  const pieces = name.split(/(?<=[/_;,.])/);
  return make("span", "", ...pieces.flatMap((piece, place) => (place ? [document.createElement("wbr"), piece] : [piece])));
}

function drawn(tag, attributes, ...content) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

function swatch(layer) {
  const square = make("span", "swatch");
  square.style.background = layerColour(layer, state.plan.layers.length);
  square.setAttribute("aria-hidden", "true");
  return square;
}

// Round numbers from 0 to `most`, about `wanted` of them.
function ticks(least, most, wanted, binary) {
  const span = Math.max(most - least, 1), rough = span / wanted;
  const power = binary ? 2 ** Math.floor(Math.log2(rough)) : 10 ** Math.floor(Math.log10(rough));
  const factors = binary ? [1, 2] : [1, 2, 5, 10];
  const step = Math.max(1, power * (factors.find((factor) => factor * power >= rough) || factors.at(-1)));
  const found = [];
  for (let tick = Math.ceil(least / step) * step; tick <= most; tick += step) found.push(tick);
  return found;
}

// --- the tip beside the pointer
const tip = document.getElementById("tip");

function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18}px`;
}

function hideTip() {
  tip.hidden = true;
}
