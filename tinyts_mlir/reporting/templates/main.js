// Begins, and follows what changes around the page: the plan that is asked for, its size, light and dark.
function paintRamp() {
  const colours = (darkScheme.matches ? DARK : LIGHT).join(", ");
  document.getElementById("ramp").style.background = `linear-gradient(to right, ${colours})`;
}

function drawAll() {
  paintRamp();
  drawFront();
  changed("plan");
}

for (const input of document.querySelectorAll("#plans input")) {
  input.addEventListener("change", () => {
    Object.assign(state, { plan: data.plans[Number(input.value)], band: -1, layer: -1 });
    changed("plan");
  });
}
// Browsers remember which plan was asked for when a page is loaded again.
state.plan = data.plans[Number(document.querySelector("#plans input:checked").value)];
document.getElementById("same-scale").checked = false;
let drawnWidth = innerWidth;
addEventListener("resize", () => requestAnimationFrame(() => {
  view.draw();
  if (innerWidth !== drawnWidth) drawFront();
  drawnWidth = innerWidth;
}));
darkScheme.addEventListener("change", drawAll);
drawAll();
