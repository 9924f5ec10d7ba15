// How one moves about in the arena: pointer, keys, zoom.
const arenaBox = document.getElementById("arena");
const view = new ArenaView(arenaBox, document.getElementById("arena-bands"), document.getElementById("arena-marks"));
let pressed = null; // where a drag began
let walkingStep = 0; // the step at which the keys walk by address

function selectBand(band, step = null) {
  if (band >= 0) walkingStep = step ?? view.bands.first[band];
  if (band === state.band) return;
  state.band = band;
  changed("band");
}

function bandTip(band) {
  const kind = data.kinds[view.bands.kind[band]], rows = kind === "map" || kind === "input" ? `, ${bandRows(band).includes("to") ? "rows" : "row"} ${bandRows(band)}` : "";
  return `${bandTitle(band)}${kind === "map" ? "" : ` (${kind})`}${rows}, ${commas(view.bands.bytes[band])} bytes`;
}

// What the focused picture is called is what a screen reader says when it is reached.
function nameArena() {
  const plan = state.plan;
  arenaBox.setAttribute("aria-label", `Arena of ${plan.title}: ${commas(plan.arena)} bytes, ${count(plan.steps.length, "step")}, ${count(view.count, "block")}`);
}

function zoom(factor, around = null) {
  const middle = around ?? (state.band >= 0 ? view.bands.first[state.band] : (view.from + view.to) / 2);
  const share = (middle - view.from) / (view.to - view.from), span = (view.to - view.from) * factor;
  view.zoomTo(middle - share * span, middle + (1 - share) * span);
  view.draw();
}

function showSpan(first, last) {
  if (first >= view.from && last <= view.to) return;
  const span = view.to - view.from;
  view.zoomTo(first - span / 2, first + span / 2);
  view.draw();
}

function goToPeak() {
  const alive = view.aliveAt(state.plan.peakStep);
  if (!alive.length) return;
  showSpan(state.plan.peakStep, state.plan.peakStep + 1);
  selectBand(alive.reduce((most, band) => (view.bands.bytes[band] > view.bands.bytes[most] ? band : most)), state.plan.peakStep);
}

function walk(by) {
  const place = state.band < 0 ? (by > 0 ? 0 : view.count - 1) : view.placeInTime[state.band] + by;
  const band = view.inTime[Math.min(Math.max(place, 0), view.count - 1)];
  showSpan(view.bands.first[band], view.bands.first[band] + 1);
  selectBand(band);
}

function climb(by) {
  if (state.band < 0) return goToPeak();
  const alive = view.aliveAt(walkingStep), place = alive.indexOf(state.band) + by;
  if (alive[place] !== undefined) selectBand(alive[place], walkingStep);
}

const KEYS = {
  ArrowRight: () => walk(1), ArrowLeft: () => walk(-1), ArrowUp: () => climb(1), ArrowDown: () => climb(-1),
  Home: () => walk(-view.count), End: () => walk(view.count), p: goToPeak, P: goToPeak,
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => zoom(view.steps),
  Escape: () => { state.layer = -1; changed("layer"); selectBand(-1); },
  Enter: () => keepLayer(state.band >= 0 ? view.bands.layer[state.band] : -1),
};

// Keeps a layer in the foreground; the same layer again lets it go.
function keepLayer(layer) {
  state.layer = layer === state.layer ? -1 : layer;
  changed("layer");
}

arenaBox.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !view.count || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  hideTip();
  KEYS[event.key]();
});
arenaBox.addEventListener("focus", () => {
  if (state.band < 0 && pressed === null && arenaBox.matches(":focus-visible")) goToPeak();
});

function pointOf(event) {
  const box = arenaBox.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

arenaBox.addEventListener("pointermove", (event) => {
  const [x, y] = pointOf(event);
  if (pressed !== null && Math.abs(x - pressed) > 6) {
    hideTip();
    view.drawMarks(null, [Math.max(pressed, MARGIN.left), Math.min(Math.max(x, MARGIN.left), view.right)]);
    return;
  }
  const step = Math.floor(view.stepAt(x)), band = view.bandAt(x, y);
  const inside = x >= MARGIN.left && x <= view.right && step >= 0 && step < view.plan.live.length;
  selectBand(band, inside ? step : null);
  view.drawMarks(inside ? step : null);
  if (band >= 0) showTip(bandTip(band), event.clientX, event.clientY);
  else if (inside) showTip(`step ${step}: ${commas(view.plan.live[step])} bytes live`, event.clientX, event.clientY);
  else hideTip();
});
arenaBox.addEventListener("pointerleave", () => {
  hideTip();
  if (pressed === null) selectBand(-1);
  view.drawMarks();
});
arenaBox.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || event.pointerType === "touch") return;
  pressed = pointOf(event)[0];
  arenaBox.setPointerCapture(event.pointerId);
});
arenaBox.addEventListener("pointerup", (event) => {
  const x = pointOf(event)[0], from = pressed;
  pressed = null;
  if (from !== null && Math.abs(x - from) > 6) {
    const [left, right] = [Math.min(from, x), Math.max(from, x)];
    view.zoomTo(view.stepAt(Math.max(left, MARGIN.left)), view.stepAt(Math.min(right, view.right)));
    view.draw();
  } else if (state.band >= 0) {
    keepLayer(view.bands.layer[state.band]);
  } else if (state.layer >= 0) {
    keepLayer(-1);
  }
});
arenaBox.addEventListener("pointercancel", () => { pressed = null; });

document.getElementById("zoom-in").addEventListener("click", () => zoom(0.5));
document.getElementById("zoom-out").addEventListener("click", () => zoom(2));
document.getElementById("zoom-reset").addEventListener("click", () => { view.zoomTo(0, view.steps); view.draw(); });
document.getElementById("to-peak").addEventListener("click", () => { arenaBox.focus(); goToPeak(); });
document.getElementById("same-scale").addEventListener("change", (event) => { view.sameScale = event.target.checked; view.draw(); });

listeners.push((what) => {
  if (what === "plan") {
    view.show(state.plan);
    nameArena();
  }
  if (what === "band") view.drawMarks();
  else view.draw();
});
