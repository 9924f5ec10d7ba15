// Plans of the model as points: SRAM against predicted instructions.
function drawFront() {
  const box = document.getElementById("front"), points = data.points;
  const width = Math.max(Math.min(box.clientWidth, 640), 260), height = 280;
  const left = 58, right = width - 18, top = 16, bottom = height - 40;
  const times = points.map((point) => point.instructions);
  const least = Math.min(...times), most = Math.max(...times), room = Math.max((most - least) * 0.08, most * 0.001);
  const sram = Math.max(...points.map((point) => point.total)) * 1.08;
  const x = (value) => left + ((value - least + room) / (most - least + 2 * room)) * (right - left);
  const y = (value) => bottom - (value / sram) * (bottom - top);
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "SRAM against predicted instructions" });
  for (const tick of ticks(0, sram, 5, sram >= 8192)) {
    svg.append(drawn("line", { class: "axis", x1: left, x2: right, y1: y(tick), y2: y(tick) }));
    const label = sram >= 8192 ? `${+(tick / 1024).toFixed(1)} KiB` : `${commas(tick)} B`;
    svg.append(drawn("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, label));
  }
  const marks = ticks(least - room, most + room, Math.floor((right - left) / 110), false);
  const digits = marks.length > 1 ? Math.max(0, Math.ceil(-Math.log10((marks[1] - marks[0]) / 1e6) - 1e-9)) : 2;
  for (const tick of marks) {
    svg.append(drawn("text", { x: x(tick), y: bottom + 16, "text-anchor": "middle" }, `${(tick / 1e6).toFixed(digits)} M`));
  }
  svg.append(drawn("text", { x: (left + right) / 2, y: height - 4, "text-anchor": "middle" }, "predicted instructions of an inference"));
  // A budget of SRAM buys the fastest plan that fits: the line is level until the next plan is reached.
  const line = data.front.map((number, place) => {
    const point = points[number], before = place ? points[data.front[place - 1]] : point;
    return `${place ? `L${x(before.instructions)} ${y(point.total)} L` : "M"}${x(point.instructions)} ${y(point.total)}`;
  });
  svg.append(drawn("path", { class: "front-line", d: line.join(" ") }));
  const chosen = data.plans[data.chosen].title;
  // Where plans are equal, the first is on top.
  for (const [number, point] of [...points.entries()].reverse()) {
    const on = data.front.includes(number) ? " on" : "", is = point.title === chosen ? " chosen" : "";
    const text = `${point.title}: ${commas(point.total)} bytes of SRAM, ${millions(point.instructions)} instructions`;
    const dot = drawn("g", { class: `point${on}${is}`, tabindex: "0", role: "img", "aria-label": `Plan ${number + 1}, ${text}${is ? ", emitted" : ""}` });
    dot.append(
      drawn("circle", { cx: x(point.instructions), cy: y(point.total), r: 10 }),
      drawn("text", { x: x(point.instructions), y: y(point.total) + 4 }, `${number + 1}`),
    );
    describe(dot, text);
    svg.append(dot);
  }
  box.replaceChildren(svg);
}

// Shows a tip for an element under the pointer, or with the focus.
function describe(element, text) {
  element.addEventListener("pointermove", (event) => showTip(text, event.clientX, event.clientY));
  element.addEventListener("pointerleave", hideTip);
  element.addEventListener("focus", () => {
    if (!element.matches(":focus-visible")) return;
    const box = element.getBoundingClientRect();
    showTip(text, box.right, box.bottom - 14);
  });
  element.addEventListener("blur", hideTip);
}
