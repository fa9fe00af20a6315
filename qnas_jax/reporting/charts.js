/* Charts of a page: lines, points and maps from the page's own data, drawn with uPlot.

A chart stands where an element has data-chart=NAME; its description is the JSON of the
same name in the page's data, see charts.py. Without this script the pictures stay. */
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const charts = [];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const HEIGHT = 280, ROW = 15, REACH = 28; // px: of a chart, of an op's row, around the pointer
  const WHOLE = [1, 2, 5].flatMap((digit) => [...Array(9).keys()].map((power) => digit * 10 ** power)).sort((a, b) => a - b);

  const element = (name, text, parent, classes) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (classes) made.className = classes;
    if (parent) parent.append(made);
    return made;
  };
  const color = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const faint = (name, alpha) => {
    const hex = color(name).slice(1);
    const parts = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${parts.join(",")},${alpha})`;
  };
  const SIZES = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const shown = (value, digits = 4) => {
    if (value === null || value === undefined) return "–";
    const [size, unit] = SIZES.find(([least]) => Math.abs(value) >= 10 * least) || [1, ""];
    const found = value / size;
    const text = Number.isInteger(found) ? String(found) : found.toPrecision(digits);
    return text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") + unit;
  };

  /* An architecture as boxes; those that differ from the winner are marked. */
  const drawArch = (arch, list) => {
    list.replaceChildren();
    arch.forEach((op, layer) => {
      const differs = data.winner && data.winner[layer] !== op;
      const box = element("li", "", list, differs ? "box differs" : "box");
      element("span", data.layers[layer], box, "where");
      element("b", data.ops[layer][op], box);
      if (differs) element("span", "differs from the winner", box, "hidden");
    });
  };
  const openAt = (id) => {
    const target = document.getElementById(id);
    if (!target) return;
    const details = target.closest("details");
    if (details) details.open = true;
  };
  const showPicked = (chart, text, arch) => {
    const panel = chart.panel;
    panel.hidden = false;
    panel.replaceChildren();
    element("p", text, panel);
    drawArch(arch, element("ol", "", panel, "chain"));
    const known = data.known[JSON.stringify(arch)];
    if (known) {
      const link = element("a", "its place in the lists of this page", element("p", "", panel));
      link.href = "#" + known;
      link.addEventListener("click", () => openAt(known));
    }
  };

  /* Points are drawn on top of uPlot's lines: several may have the same place on x. */
  const columns = (points) => {
    const take = (from) => (typeof from === "string" ? data.evaluations[from] : from);
    const rows = points.rows;
    const pick = (values) => (rows ? rows.map((row) => values[row]) : values);
    return { x: pick(take(points.x)), y: pick(take(points.y)), rows };
  };
  const PATHS = {
    dot: (pen, x, y, r) => pen.arc(x, y, r, 0, 2 * Math.PI),
    diamond: (pen, x, y, r) => {
      pen.moveTo(x, y - r); pen.lineTo(x + r, y); pen.lineTo(x, y + r); pen.lineTo(x - r, y);
    },
    star: (pen, x, y, r) => {
      for (let k = 0; k < 10; k++) {
        const angle = (k * Math.PI) / 5 - Math.PI / 2, length = k % 2 ? 0.45 * r : r;
        pen[k ? "lineTo" : "moveTo"](x + length * Math.cos(angle), y + length * Math.sin(angle));
      }
    },
  };
  /* Below and right of their points, or left of those at the right end. */
  const drawLabels = (plot, points) => {
    const pen = plot.ctx, ratio = devicePixelRatio, { left, width } = plot.bbox;
    const away = (points.size + 3) * ratio;
    pen.font = `${12 * ratio}px system-ui, sans-serif`;
    pen.fillStyle = color("ink"); pen.strokeStyle = color("ground"); pen.lineWidth = 3 * ratio; pen.lineJoin = "round";
    pen.textBaseline = "top";
    points.labels.forEach((label, at) => {
      const x = plot.valToPos(points.places.x[at], "x", true);
      const fits = x + away + pen.measureText(label).width < left + width;
      pen.textAlign = fits ? "left" : "right";
      const at_x = x + (fits ? away : -away), at_y = plot.valToPos(points.places.y[at], "y", true) + 2 * ratio;
      pen.strokeText(label, at_x, at_y);
      pen.fillText(label, at_x, at_y);
    });
  };
  const drawPoints = (chart) => (plot) => {
    const pen = plot.ctx, ratio = devicePixelRatio;
    const { left, top, width, height } = plot.bbox;
    pen.save();
    pen.beginPath(); pen.rect(left, top, width, height); pen.clip();
    for (const points of chart.points) {
      pen.fillStyle = faint(points.color, points.alpha);
      const { x, y } = points.places;
      x.forEach((value, at) => {
        if (value === null || y[at] === null) return;
        pen.beginPath();
        PATHS[points.shape](pen, plot.valToPos(value, "x", true), plot.valToPos(y[at], "y", true), points.size * ratio);
        pen.closePath(); pen.fill();
      });
      if (points.labels) drawLabels(plot, points);
    }
    if (chart.at) {
      const [points, at] = chart.at;
      pen.strokeStyle = color("ink"); pen.lineWidth = 2 * ratio;
      pen.beginPath();
      pen.arc(plot.valToPos(points.places.x[at], "x", true), plot.valToPos(points.places.y[at], "y", true), (points.size + 3) * ratio, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.restore();
  };
  const drawBack = (chart) => (plot) => {
    const pen = plot.ctx, { left, top, width, height } = plot.bbox;
    pen.save();
    pen.beginPath(); pen.rect(left, top, width, height); pen.clip();
    for (const line of chart.spec.lines.filter((each) => each.low)) {
      pen.fillStyle = faint(line.color, 0.18);
      pen.beginPath();
      line.x.forEach((x, at) => pen[at ? "lineTo" : "moveTo"](plot.valToPos(x, "x", true), plot.valToPos(line.low[at], "y", true)));
      [...line.x.keys()].reverse().forEach((at) => pen.lineTo(plot.valToPos(line.x[at], "x", true), plot.valToPos(line.high[at], "y", true)));
      pen.fill();
    }
    for (const limit of chart.spec.limits) {
      const x = plot.valToPos(limit.x, "x", true);
      pen.strokeStyle = color("soft"); pen.setLineDash([6, 4]); pen.lineWidth = devicePixelRatio;
      pen.beginPath(); pen.moveTo(x, top); pen.lineTo(x, top + height); pen.stroke();
    }
    pen.restore();
  };
  const nearest = (chart, left, top) => {
    let best = null, least = REACH * REACH;
    for (const points of chart.points.filter((each) => each.places.rows || each.texts)) {
      points.places.x.forEach((x, at) => {
        const dx = chart.plot.valToPos(x, "x") - left;
        const dy = chart.plot.valToPos(points.places.y[at], "y") - top;
        const distance = dx * dx + dy * dy;
        if (distance < least) { least = distance; best = [points, at]; }
      });
    }
    return best;
  };
  const describe = (chart, [points, at]) => {
    const { x, y, rows } = points.places, { spec } = chart;
    if (points.texts) return points.texts[at];
    const number = rows && data.evaluations.evaluation[rows[at]];
    const where = `${spec.x.label} ${shown(x[at])}, ${spec.y.label} ${shown(y[at])}`;
    return (number && spec.x.label !== "Evaluations" ? `Evaluation ${number}: ` : "") + where;
  };
  const point = (chart, found) => {
    chart.at = found;
    chart.plot.redraw(false);
    chart.said.textContent = found ? describe(chart, found) + (found[0].places.rows && data.evaluations.arch ? " (press Enter or click for its diagram)" : "") : chart.hint;
  };
  const pick = (chart) => {
    if (!chart.at || !chart.at[0].places.rows || !data.evaluations.arch) return;
    const [points, at] = chart.at;
    showPicked(chart, describe(chart, chart.at), data.evaluations.arch[points.places.rows[at]]);
  };

  /* Keys: left and right go through the points by x, or along the lines. */
  const byKey = (chart, event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === "Enter") { pick(chart); return; }
    if (!(event.key in steps)) return;
    event.preventDefault();
    if (chart.order.length) {
      const last = chart.order.length - 1;
      const from = chart.at ? chart.order.findIndex(([p, a]) => p === chart.at[0] && a === chart.at[1]) : -1;
      point(chart, chart.order[Math.min(Math.max(from + steps[event.key], 0), last)]);
      return;
    }
    const { plot } = chart, xs = plot.data[0];
    const from = plot.cursor.idx ?? -1;
    const at = Math.min(Math.max(from + steps[event.key], 0), xs.length - 1);
    plot.setCursor({ left: plot.valToPos(xs[at], "x"), top: plot.bbox.height / devicePixelRatio / 2 });
    const values = chart.spec.lines.map((line, k) => [line.label, plot.data[k + 1][at]]);
    chart.said.textContent = `${chart.spec.x.label} ${shown(xs[at])}: ` +
      values.filter(([label, value]) => label && value != null).map(([label, value]) => `${label} ${shown(value)}`).join(", ");
  };

  const scale = (axis) => (axis.log ? { distr: 3, range: axis.range || undefined } : { time: false, range: axis.range || undefined });
  const options = (chart, width) => {
    const { spec } = chart, grid = { stroke: color("line"), width: 1 };
    const axis = (which) => ({ label: which.label, incrs: which.whole ? WHOLE : undefined, stroke: color("ink"), grid, ticks: grid, labelSize: 22, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", values: (plot, splits) => splits.map((value) => (value === null ? "" : shown(value, 3))) });
    const lines = spec.lines.map((line) => ({
      label: line.label, stroke: line.label ? color(line.color) : faint(line.color, 0.4),
      width: line.label ? 2 : 1, dash: line.dash ? [4, 4] : undefined, spanGaps: true,
      points: { show: Boolean(line.label) && line.x.length <= 30, size: 5 },
      paths: line.step ? uPlot.paths.stepped({ align: 1 }) : undefined,
      value: (plot, value) => shown(value),
    }));
    return {
      width, height: HEIGHT, legend: { show: spec.lines.some((line) => line.label) },
      scales: { x: scale(spec.x), y: scale(spec.y) },
      axes: [{ ...axis(spec.x), size: 40, space: 60 }, { ...axis(spec.y), size: 52 }],
      series: [{ label: spec.x.label, value: (plot, value) => shown(value) }, ...lines],
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
      hooks: { drawAxes: [drawBack(chart)], draw: [drawPoints(chart)] },
    };
  };
  const joined = (chart) => {
    const lines = chart.spec.lines.map((line) => [line.x, line.y]);
    if (lines.length) return uPlot.join(lines);
    const xs = [...new Set(chart.points.flatMap((points) => points.places.x))];
    return [xs.sort((a, b) => a - b)];
  };
  const build = (chart) => {
    if (chart.plot) chart.plot.destroy();
    chart.plot = new uPlot(options(chart, chart.box.clientWidth), joined(chart), chart.box);
    const over = chart.plot.over;
    over.addEventListener("pointermove", (event) => point(chart, nearest(chart, event.offsetX, event.offsetY)));
    over.addEventListener("click", (event) => { point(chart, nearest(chart, event.offsetX, event.offsetY)); pick(chart); });
    // Marks of lines without a name are no part of the legend.
    chart.spec.lines.forEach((line, at) => {
      const rows = chart.box.querySelectorAll(".u-series");
      if (!line.label && rows[at + 1]) rows[at + 1].hidden = true;
    });
  };
  const makeChart = (spec, place, panel) => {
    const chart = { spec, panel, at: null };
    const holder = element("div", "", place, "chart");
    element("p", spec.title, holder, "chart-title");
    chart.points = spec.points.map((points) => ({ ...points, places: columns(points) }));
    chart.box = element("div", "", holder, "plot");
    chart.box.tabIndex = 0;
    chart.box.setAttribute("role", "application");
    chart.box.setAttribute("aria-label", `${spec.title}. ${spec.says} Arrow keys go through it.`);
    chart.hint = chart.points.some((points) => points.places.rows) ? "Point at a dot, or use the arrow keys." : "";
    chart.said = element("output", chart.hint, holder, "said");
    const usable = chart.points.filter((points) => points.places.rows || points.texts);
    chart.order = usable.flatMap((points) => points.places.x.map((_, at) => [points, at]));
    chart.order.sort(([p, a], [q, b]) => p.places.x[a] - q.places.x[b]);
    const keys = chart.points.filter((points) => points.label);
    if (keys.length) {
      const list = element("ul", "", holder, "keys");
      keys.forEach((points) => {
        const row = element("li", "", list);
        element("span", "", row, `key ${points.shape} is-${points.color}`);
        row.append(points.label);
      });
    }
    chart.box.addEventListener("keydown", (event) => byKey(chart, event));
    build(chart);
    charts.push(chart);
  };

  /* Probabilities of ops: a map a layer, ops by name, one column a generation. */
  const drawMap = (map) => {
    const { canvas, rows, num } = map, pen = canvas.getContext("2d");
    canvas.width = rows[0].length; canvas.height = num;
    canvas.style.height = `${ROW * num}px`;
    rows.forEach((row, op) => row.forEach((share, at) => {
      pen.fillStyle = faint("blue", share / 100);
      pen.fillRect(at, op, 1, 1);
    }));
  };
  const makeMaps = (spec, place) => {
    place.classList.add("maps");
    return spec.layers.map((layer, number) => {
      const holder = element("div", "", place, "map");
      element("p", layer.title, holder, "chart-title");
      const body = element("div", "", holder, "map-body");
      const names = element("ol", "", body);
      layer.ops.forEach((name, op) => element("li", name, names, op === layer.winner ? "chosen" : ""));
      const canvas = element("canvas", "", body);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", layer.says);
      const said = element("output", `Generations ${spec.generations[0]} to ${spec.generations.at(-1)}`, holder, "said");
      const map = { canvas, rows: layer.shares, num: layer.ops.length };
      canvas.addEventListener("pointermove", (event) => {
        const at = Math.min(Math.floor((event.offsetX / canvas.clientWidth) * map.rows[0].length), map.rows[0].length - 1);
        const op = Math.min(Math.floor((event.offsetY / canvas.clientHeight) * map.num), map.num - 1);
        if (at >= 0 && op >= 0) said.textContent = `Generation ${spec.generations[at]}: ${layer.ops[op]} ${map.rows[op][at]} %`;
      });
      drawMap(map);
      return map;
    });
  };

  document.documentElement.classList.add("js");
  const maps = [];
  for (const place of document.querySelectorAll("[data-chart]")) {
    const figure = data.charts[place.dataset.chart];
    const box = element("div", "", place, "grid");
    const panel = element("div", "", place, "picked");
    panel.hidden = true;
    panel.setAttribute("aria-live", "polite");
    if (figure.layers) maps.push(...makeMaps(figure, box));
    else figure.forEach((spec) => makeChart(spec, box, panel));
    place.closest("figure").classList.add("drawn");
  }
  const again = () => { charts.forEach(build); maps.forEach(drawMap); };
  dark.addEventListener("change", again);
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => charts.forEach((chart) => {
      const width = chart.box.clientWidth;
      if (width && width !== chart.plot.width) chart.plot.setSize({ width, height: HEIGHT });
    }));
  });
})();
